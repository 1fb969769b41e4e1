import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Calls the model as it stands and writes what it answered to golden/.
 *
 * <p>Run it in the model's folder, because the model reads its artifact from there. The first
 * argument is the path to wine.csv. Fails when a row's answer depends on the rows beside it.
 */
public class RecordGolden {
  public static void main(String[] args) throws Exception {
    long start = System.nanoTime();
    Model model = new Model();
    System.out.printf("load %.0f ms%n", (System.nanoTime() - start) / 1e6);

    List<Model.Wine> wines = readWines(Path.of(args[0]));
    checkRowsAreIndependent(model, wines);
    printCost(model, wines);

    // The rows that Train held out.
    List<Model.Wine> heldOut =
        IntStream.range(0, wines.size()).filter(row -> row % 4 == 3).mapToObj(wines::get).toList();
    record(model, "one-row", "one wine", heldOut.subList(0, 1));
    record(
        model,
        "held-out",
        "wines of all three cultivars that the training did not see",
        IntStream.range(0, heldOut.size())
            .filter(row -> row % 5 == 0)
            .mapToObj(heldOut::get)
            .toList());
    record(
        model,
        "unsure",
        "the wines about which the trees agree least",
        wines.stream()
            .sorted(Comparator.comparing(wine -> model.apply(List.of(wine)).get(0).probability()))
            .limit(5)
            .toList());
  }

  private static List<Model.Wine> readWines(Path path) throws Exception {
    RecordComponent[] features = Model.Wine.class.getRecordComponents();
    Class<?>[] types = new Class<?>[features.length];
    Arrays.fill(types, double.class);
    var constructor = Model.Wine.class.getDeclaredConstructor(types);
    List<Model.Wine> wines = new ArrayList<>();
    // A line with the source and the header come first; the last column is the cultivar.
    for (String line : Files.readAllLines(path).stream().skip(2).toList()) {
      String[] cells = line.split(",");
      Object[] values = new Object[features.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = Double.valueOf(cells[i]);
      }
      wines.add(constructor.newInstance(values));
    }
    return wines;
  }

  private static void checkRowsAreIndependent(Model model, List<Model.Wine> wines) {
    List<Model.Answer> whole = model.apply(wines);
    for (int size : new int[] {1, 2, 7, 64}) {
      List<Model.Answer> blocks = new ArrayList<>();
      for (int from = 0; from < wines.size(); from += size) {
        blocks.addAll(model.apply(wines.subList(from, Math.min(from + size, wines.size()))));
      }
      // Records compare doubles by their bits.
      if (!blocks.equals(whole)) {
        throw new AssertionError("answers differ in blocks of " + size);
      }
    }
    System.out.printf("%d rows: same bits in blocks of 1, 2, 7, 64 and whole%n", wines.size());
  }

  private static void printCost(Model model, List<Model.Wine> wines) {
    for (int size : new int[] {1, 64}) {
      List<Model.Wine> block = wines.subList(0, size);
      int calls = 2000 / size;
      long best = Long.MAX_VALUE;
      for (int round = 0; round < 5; round++) {
        long start = System.nanoTime();
        for (int call = 0; call < calls; call++) {
          model.apply(block);
        }
        best = Math.min(best, (System.nanoTime() - start) / calls);
      }
      System.out.printf("%d rows: %.0f us a call%n", size, best / 1e3);
    }
  }

  private static void record(Model model, String name, String description, List<Model.Wine> wines)
      throws Exception {
    String json =
        """
        {
          "description": "%s",
          "request": {
            "inputs": [
        %s
            ]
          },
          "response": {
            "outputs": [
        %s
            ]
          }
        }
        """
            .formatted(
                description,
                tensors(Model.Wine.class, wines),
                tensors(Model.Answer.class, model.apply(wines)));
    Files.writeString(Path.of("golden", name + ".json"), json);
    System.out.printf("golden/%s.json: %d rows%n", name, wines.size());
  }

  /** One tensor a line, a tensor for each component of the record. */
  private static String tensors(Class<?> type, List<?> rows) throws ReflectiveOperationException {
    List<String> lines = new ArrayList<>();
    for (RecordComponent column : type.getRecordComponents()) {
      List<String> data = new ArrayList<>();
      for (Object row : rows) {
        Object value = column.getAccessor().invoke(row);
        data.add(value instanceof Double number ? shortest(number) : "\"" + value + "\"");
      }
      lines.add(
          "      {\"name\": \"%s\", \"datatype\": \"%s\", \"shape\": [%d], \"data\": [%s]}"
              .formatted(
                  column.getName(),
                  column.getType() == double.class ? "FP64" : "BYTES",
                  rows.size(),
                  String.join(", ", data)));
    }
    return lines.stream().collect(Collectors.joining(",\n"));
  }

  /**
   * The shortest decimal that reads back as the same bits; Double.toString is not before JDK 19.
   */
  private static String shortest(double value) {
    if (!Double.isFinite(value)) {
      return "\"" + value + "\"";
    }
    for (int digits = 1; digits < 17; digits++) {
      BigDecimal decimal = new BigDecimal(value).round(new MathContext(digits));
      if (decimal.doubleValue() == value) {
        return decimal.stripTrailingZeros().toPlainString();
      }
    }
    return new BigDecimal(value).round(new MathContext(17)).toPlainString();
  }
}
