# Java: a JDK and Maven, the jars of the models, our harness. Sourced by setup.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # variables of the other files

copy_dependencies=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies

set_up_java() {
  if ! has_java; then
    if install_debian Java default-jdk-headless maven && ! is_root; then use_unpacked_java; fi
    if ! has_java; then
      lacks "Java (a JDK from 17 on, and mvn)" default-jdk-headless maven
      return
    fi
  fi
  set_up_java_models
  set_up_java_harness
  set_up_java_archive
}

has_java() {
  have java && have javac && have mvn && holds "$(readlink -f "$(command -v javac)") is a JDK from 17 on" is_jdk_17
}

is_jdk_17() {
  version=$(javac -version 2>&1)
  version=${version#javac }
  [ "${version%%[.-]*}" -ge 17 ]
}

# The jars that the models need, together. (Every pom lists what its model needs at run time.)
set_up_java_models() {
  poms=$(existing examples/models/*/pom.xml test/fixtures/models/*/java/pom.xml)
  [ -n "$poms" ] || return 0
  # shellcheck disable=SC2086 # our own file names, without blanks
  key=$(key_of jars $poms setup/java.sh)
  ! is_current "$environments/java" "$key" || return 0
  step "installing jars of the Java models (mvn)"
  new=$environments/java.new
  rm -rf "$new"
  mkdir "$new"
  for pom in $poms; do
    if ! maven -f "$pom" $copy_dependencies -DincludeScope=runtime "-DoutputDirectory=$new"; then
      failed "installing the jars of $pom" "mvn -f $pom $copy_dependencies -DincludeScope=runtime -DoutputDirectory=$environments/java"
      lacks "the jars of $pom"
      return
    fi
  done
  publish "$new" "$environments/java" "$key"
}

# The jar that runs inside every Java model's process.
set_up_java_harness() {
  [ -f runtimes/java/pom.xml ] || return 0
  # shellcheck disable=SC2046 # our own file names, without blanks
  key=$(key_of harness $(find runtimes/java/pom.xml runtimes/java/harness -type f | LC_ALL=C sort) setup/java.sh)
  harness=$data/harness/java
  ! is_current "$harness" "$key" || return 0
  step "building the Java harness (mvn package)"
  rm -rf "$harness.new" runtimes/java/target/classes # Maven keeps what is compiled when only its options change
  mkdir -p "$harness.new"
  if maven -f runtimes/java/pom.xml package && cp runtimes/java/target/idiom-harness.jar "$harness.new"; then
    publish "$harness.new" "$harness" "$key"
  else
    failed "building the Java harness" "mvn -f runtimes/java/pom.xml package"
    lacks "the Java harness"
  fi
}

# The archive of the classes that an instance loads. Only the JVM that made it takes it, and only for this jar.
set_up_java_archive() {
  harness=$data/harness/java
  [ -f "$harness/idiom-harness.jar" ] || return 0
  key=$(key_of "archive $(java -Xinternalversion 2>&1)" "$harness/.idiom-key" runtimes/java/archive/* setup/java.sh)
  if [ -f "$harness/idiom-harness.jsa" ] && [ "$(cat "$harness/.archive-key" 2>/dev/null)" = "$key" ]; then return 0; fi
  step "making the class archive of the Java harness (java -Xshare:dump)"
  rm -f "$harness/idiom-harness.jsa"
  if run node runtimes/java/archive/make.mjs "$harness"; then
    printf '%s\n' "$key" >"$harness/.archive-key"
  else
    failed "making the class archive" "node runtimes/java/archive/make.mjs $harness"
    say "Java instances start without it, about 60 ms later"
  fi
}

maven() { run_over_network mvn --batch-mode --quiet --no-transfer-progress -Dstyle.color=never "$@"; }

# The JDK has no trusted certificates until a package's script has run: they are made from the system's.
use_unpacked_java() {
  for home in "$debian"/usr/lib/jvm/java-*-openjdk-*; do [ ! -x "$home/bin/javac" ] || break; done
  if [ -x "$home/bin/javac" ]; then
    wrap java "$home/bin/java"
    wrap javac "$home/bin/javac"
    certificates=$home/lib/security/cacerts
    if ! [ -e "$certificates" ]; then
      bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
      if ! [ -f "$bundle" ]; then
        bundle=$tools/certificates.pem
        cat "$debian"/usr/share/ca-certificates/*/*.crt >"$bundle"
      fi
      rm -f "$certificates"
      run "$home/bin/java" setup/TrustStore.java "$bundle" "$certificates"
    fi
  fi
  java_home=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
  [ ! -x "$home/bin/javac" ] || java_home=$home
  wrap mvn "$debian/usr/share/maven/bin/mvn" "JAVA_HOME=$java_home" "MAVEN_HOME=$debian/usr/share/maven"
}
