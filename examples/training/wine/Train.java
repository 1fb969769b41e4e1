import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.zip.GZIPOutputStream;
import org.tribuo.MutableDataset;
import org.tribuo.classification.Label;
import org.tribuo.classification.LabelFactory;
import org.tribuo.classification.dtree.CARTClassificationTrainer;
import org.tribuo.classification.ensemble.VotingCombiner;
import org.tribuo.common.tree.RandomForestTrainer;
import org.tribuo.impl.ArrayExample;
import org.tribuo.provenance.SimpleDataSourceProvenance;

/** Trains a random forest on data/wine.csv and writes it to the path given. */
public class Train {
  private static final long SEED = 1;
  private static final int TREES = 25;

  public static void main(String[] args) throws IOException {
    Logger.getLogger("org.tribuo").setLevel(Level.WARNING); // otherwise a line per tree

    List<String> lines = Files.readAllLines(Path.of("data/wine.csv"));
    lines.removeIf(line -> line.startsWith("#"));
    String[] header = lines.remove(0).split(",");
    String[] features = Arrays.copyOf(header, header.length - 1);

    // Every fourth row is held out: the file is sorted by cultivar, so this keeps the classes
    // balanced.
    var factory = new LabelFactory();
    var provenance =
        new SimpleDataSourceProvenance(
            "UCI wine data", Instant.EPOCH.atOffset(ZoneOffset.UTC), factory);
    var training = new MutableDataset<>(provenance, factory);
    List<ArrayExample<Label>> heldOut = new ArrayList<>();
    for (int row = 0; row < lines.size(); row++) {
      String[] cells = lines.get(row).split(",");
      double[] values =
          Arrays.stream(cells).limit(features.length).mapToDouble(Double::parseDouble).toArray();
      var example = new ArrayExample<>(new Label(cells[features.length]), features, values);
      if (row % 4 == 3) {
        heldOut.add(example);
      } else {
        training.add(example);
      }
    }

    var tree =
        new CARTClassificationTrainer(
            /* maxDepth= */ 6,
            /* fractionFeaturesInSplit= */ 0.3f,
            /* useRandomSplit= */ false,
            SEED);
    var forest = new RandomForestTrainer<>(tree, new VotingCombiner(), TREES, SEED).train(training);

    long right =
        heldOut.stream()
            .filter(wine -> forest.predict(wine).getOutput().equals(wine.getOutput()))
            .count();
    System.out.printf(
        "held-out accuracy %.3f (%d of %d)%n",
        (double) right / heldOut.size(), right, heldOut.size());
    try (var artifact = new GZIPOutputStream(Files.newOutputStream(Path.of(args[0])))) {
      forest.serializeToStream(artifact);
    }
  }
}
