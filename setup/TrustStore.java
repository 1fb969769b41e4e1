import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;

/**
 * Makes a trust store from PEM certificates: TrustStore CERTIFICATES.pem cacerts. A JDK opens its own store without a
 * password, which only the JKS format allows.
 */
class TrustStore {
  public static void main(String[] files) throws Exception {
    KeyStore store = KeyStore.getInstance("JKS");
    store.load(null, null);
    try (var in = new FileInputStream(files[0])) {
      for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        store.setCertificateEntry("certificate-" + store.size(), certificate);
      }
    }
    try (var out = new FileOutputStream(files[1])) {
      store.store(out, "changeit".toCharArray());
    }
  }
}
