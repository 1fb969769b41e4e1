import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a data scientist writes instead, for the wines: read a CSV file in blocks, predict, write.
 * Arguments: MODEL_FOLDER INPUT OUTPUT. Prints its seconds, and those that were the model's own.
 */
public class Score {
  private static final int BLOCK = 10_000;

  public static void main(String[] args) throws Exception {
    Model model = new Model();
    Constructor<?> constructor = Model.Wine.class.getDeclaredConstructors()[0];
    List<String> names =
        Arrays.stream(Model.Wine.class.getRecordComponents()).map(c -> c.getName()).toList();
    long startedAt = System.nanoTime();
    long own = 0;
    try (BufferedReader source = Files.newBufferedReader(Path.of(args[1]));
        BufferedWriter target = Files.newBufferedWriter(Path.of(args[2]))) {
      List<String> header = Arrays.asList(source.readLine().split(","));
      int[] places = names.stream().mapToInt(header::indexOf).toArray();
      target.write("cultivar,probability\n");
      List<Model.Wine> block = new ArrayList<>();
      for (String line = source.readLine(); line != null; ) {
        String[] cells = line.split(",");
        Object[] values = new Object[places.length];
        for (int i = 0; i < places.length; i++) {
          values[i] = Double.parseDouble(cells[places[i]]);
        }
        block.add((Model.Wine) constructor.newInstance(values));
        line = source.readLine();
        if (block.size() == BLOCK || line == null) {
          long askedAt = System.nanoTime();
          List<Model.Answer> answers = model.apply(block);
          own += System.nanoTime() - askedAt;
          write(target, answers);
          block.clear();
        }
      }
    }
    System.out.println((System.nanoTime() - startedAt) / 1e9 + " " + own / 1e9);
  }

  private static void write(BufferedWriter target, List<Model.Answer> answers) throws IOException {
    for (Model.Answer answer : answers) {
      target.write(answer.cultivar() + "," + answer.probability() + "\n");
    }
  }
}
