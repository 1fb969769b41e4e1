public class Model {
  public float[][] predict(float[][] x) {
    float[][] y = new float[x.length][3];
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < 3; j++) {
        y[i][j] = x[i][j] * 2;
      }
    }
    return y;
  }
}
