/** Runs the attack that it is asked for and says how it went. */
public class Model {
  static {
    System.load(System.getProperty("user.dir") + "/attacks.node");
  }

  private static native String attack(String words);

  public String[] predict(String[] words) {
    return new String[] {attack(words[0])};
  }
}
