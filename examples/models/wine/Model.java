import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.tribuo.Prediction;
import org.tribuo.classification.Label;
import org.tribuo.classification.LabelFactory;
import org.tribuo.impl.ArrayExample;

/** Tells from a chemical analysis which of three cultivars a wine was made of. */
public class Model {
  /** One wine. The names of the components are the names of the features. */
  public record Wine(
      double alcohol,
      double malicAcid,
      double ash,
      double alcalinityOfAsh,
      double magnesium,
      double totalPhenols,
      double flavanoids,
      double nonflavanoidPhenols,
      double proanthocyanins,
      double colorIntensity,
      double hue,
      double od280Od315,
      double proline) {}

  /** The answer for one wine: the cultivar and the share of the trees that voted for it. */
  public record Answer(String cultivar, double probability) {}

  private static final String[] FEATURES = {
    "alcohol",
    "malicAcid",
    "ash",
    "alcalinityOfAsh",
    "magnesium",
    "totalPhenols",
    "flavanoids",
    "nonflavanoidPhenols",
    "proanthocyanins",
    "colorIntensity",
    "hue",
    "od280Od315",
    "proline"
  };

  private final org.tribuo.Model<Label> forest;

  /** Runs once, when the model is loaded. */
  public Model() throws IOException {
    // Tribuo repeats its type names in every node: compressed, the file is 25 times smaller.
    try (var artifact = new GZIPInputStream(Files.newInputStream(Path.of("model.tribuo.gz")))) {
      forest = org.tribuo.Model.deserializeFromStream(artifact).castModel(Label.class);
    }
  }

  public List<Answer> apply(List<Wine> wines) {
    return wines.stream().map(this::classify).toList();
  }

  private Answer classify(Wine wine) {
    Prediction<Label> prediction =
        forest.predict(new ArrayExample<>(LabelFactory.UNKNOWN_LABEL, FEATURES, values(wine)));
    Label best = prediction.getOutput();
    return new Answer(best.getLabel(), best.getScore());
  }

  private static double[] values(Wine wine) {
    return new double[] {
      wine.alcohol(),
      wine.malicAcid(),
      wine.ash(),
      wine.alcalinityOfAsh(),
      wine.magnesium(),
      wine.totalPhenols(),
      wine.flavanoids(),
      wine.nonflavanoidPhenols(),
      wine.proanthocyanins(),
      wine.colorIntensity(),
      wine.hue(),
      wine.od280Od315(),
      wine.proline()
    };
  }
}
