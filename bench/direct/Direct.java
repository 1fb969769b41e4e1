import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Calls the wine model's apply(List) directly, request by request. */
public class Direct {
  public static void main(String[] args) throws Exception {
    Path data = Path.of(args[1]);
    List<Model.Wine> wines = readWines(data);
    ByteBuffer sizes = read(data.resolve("sizes.i32"));
    Model model = new Model();
    List<Model.Answer> answers = new ArrayList<>();
    for (int from = 0; sizes.hasRemaining(); from = answers.size()) {
      answers.addAll(model.apply(wines.subList(from, from + sizes.getInt())));
    }
    for (RecordComponent output : Model.Answer.class.getRecordComponents()) {
      write(data.resolve("out"), output, answers);
    }
  }

  private static List<Model.Wine> readWines(Path data) throws Exception {
    RecordComponent[] features = Model.Wine.class.getRecordComponents();
    List<ByteBuffer> columns = new ArrayList<>();
    for (RecordComponent feature : features) {
      columns.add(read(data.resolve(feature.getName() + ".f64")));
    }
    Constructor<?> constructor = Model.Wine.class.getDeclaredConstructors()[0];
    List<Model.Wine> wines = new ArrayList<>();
    while (columns.get(0).hasRemaining()) {
      Object[] values = columns.stream().map(ByteBuffer::getDouble).toArray();
      wines.add((Model.Wine) constructor.newInstance(values));
    }
    return wines;
  }

  private static void write(Path out, RecordComponent output, List<Model.Answer> answers)
      throws Exception {
    if (output.getType() == double.class) {
      ByteBuffer bytes =
          ByteBuffer.allocate(8 * answers.size()).order(ByteOrder.LITTLE_ENDIAN);
      for (Model.Answer answer : answers) {
        bytes.putDouble((double) output.getAccessor().invoke(answer));
      }
      Files.write(out.resolve(output.getName() + ".f64"), bytes.array());
      return;
    }
    StringBuilder text = new StringBuilder();
    for (Model.Answer answer : answers) {
      text.append(output.getAccessor().invoke(answer)).append('\n');
    }
    Files.writeString(out.resolve(output.getName() + ".txt"), text);
  }

  private static ByteBuffer read(Path path) throws Exception {
    return ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
  }
}
