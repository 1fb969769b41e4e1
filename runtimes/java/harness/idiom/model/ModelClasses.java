// The model's class path: its own compiled classes and the jars that it depends on.
package idiom.model;

import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/**
 * The loader's parent is the platform's: the model never sees the harness's classes. Class folders
 * hold what the author wrote, jars what others did.
 */
public final class ModelClasses {
  private final Path folder;
  private final List<Path> classFolders = new ArrayList<>();
  private final URLClassLoader loader;

  /**
   * @param folder of the model
   * @param libraries class path entries: jars, class folders, or {@code dir/*} for all jars of a
   *     folder
   */
  public ModelClasses(Path folder, List<String> libraries) throws MalformedURLException {
    this.folder = folder;
    List<URL> urls = new ArrayList<>();
    for (String library : libraries) {
      if (library.endsWith("/*")) {
        addJars(new File(library.substring(0, library.length() - 2)), urls);
      } else {
        File entry = new File(library);
        if (entry.isDirectory()) classFolders.add(entry.toPath());
        urls.add(entry.toURI().toURL());
      }
    }
    loader =
        new URLClassLoader("model", urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
  }

  // In the order of their names, so that every start finds the same class first.
  private static void addJars(File folder, List<URL> urls) throws MalformedURLException {
    File[] jars = folder.listFiles((parent, name) -> name.endsWith(".jar"));
    if (jars == null) return;
    Arrays.sort(jars);
    for (File jar : jars) urls.add(jar.toURI().toURL());
  }

  public ClassLoader loader() {
    return loader;
  }

  public Path folder() {
    return folder;
  }

  /** Loads a class without running any of its code. */
  public Class<?> load(String name) throws ClassNotFoundException {
    return Class.forName(name, false, loader);
  }

  /** Whether the author wrote the class, by its binary name. */
  public boolean isOwn(String className) {
    String file = className.replace('.', '/') + ".class";
    for (Path classFolder : classFolders) {
      if (Files.exists(classFolder.resolve(file))) return true;
    }
    return false;
  }

  /** The names of the top-level classes that the author wrote, sorted. */
  public List<String> ownClasses() throws IOException {
    // A class may lie in several folders.
    TreeSet<String> names = new TreeSet<>();
    for (Path classFolder : classFolders) {
      Files.walkFileTree(
          classFolder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              String name = classFolder.relativize(file).toString();
              if (name.endsWith(".class")
                  && name.indexOf('$') < 0
                  && !name.endsWith("-info.class")) {
                names.add(name.substring(0, name.length() - 6).replace('/', '.'));
              }
              return FileVisitResult.CONTINUE;
            }
          });
    }
    return new ArrayList<>(names);
  }

  /**
   * The source file of a class as the author knows it, relative to the model's folder where it lies
   * there.
   */
  public String sourceOf(String className, String fileName) {
    int dot = className.lastIndexOf('.');
    String path = dot < 0 ? fileName : className.substring(0, dot + 1).replace('.', '/') + fileName;
    for (String root : new String[] {"", "src/main/java/", "src/"}) {
      if (Files.exists(folder.resolve(root + path))) return root + path;
    }
    return fileName;
  }
}
