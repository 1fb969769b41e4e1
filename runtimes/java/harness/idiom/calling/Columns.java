// The inputs as columns of objects, in the order of the fields that take them.
package idiom.calling;

import idiom.model.Parameters;
import idiom.protocol.ErrorKind;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.Tensor;
import idiom.protocol.TensorSpec;
import idiom.protocol.Violation;
import idiom.values.ColumnReader;
import idiom.values.JavaType;
import java.util.List;

/** What the conventions frame (as a list) and row have in common. */
final class Columns {
  private final Inputs inputs;
  private final int[] bound;
  private final ColumnReader[] readers;
  private final Arguments arguments;

  Columns(Parameters parameters, Inputs inputs, String function) throws Refusal {
    this.inputs = inputs;
    List<TensorSpec> specs = inputs.specs();
    boolean named = !parameters.fields().isEmpty();
    bound = named ? inputs.boundTo(parameters, function) : new int[specs.size()];
    readers = new ColumnReader[bound.length];
    for (int i = 0; i < bound.length; i++) {
      if (!named) bound[i] = i;
      JavaType type = named ? parameters.fields().get(i).type() : JavaType.ANY;
      readers[i] = new ColumnReader(specs.get(bound[i]), type);
    }
    arguments = new Arguments(parameters, specs.stream().map(TensorSpec::name).toList());
  }

  /** The arguments that one row makes. */
  Arguments arguments() {
    return arguments;
  }

  /**
   * The columns of a frame, all of one length.
   *
   * @param keepRefusals whether a value that the model cannot take stands in its place as a
   *     Refusal, instead of being thrown
   */
  Object[][] of(InferBody infer, boolean keepRefusals) throws Refusal, Violation {
    Tensor[] tensors = inputs.tensorsOf(infer);
    Object[][] columns = new Object[readers.length][];
    for (int i = 0; i < columns.length; i++) {
      Tensor tensor = tensors[bound[i]];
      columns[i] =
          keepRefusals
              ? readers[i].readEach(infer.bytes(), tensor)
              : readers[i].read(infer.bytes(), tensor);
      if (columns[i].length != columns[0].length) {
        throw new Refusal(ErrorKind.INVALID_INPUT, "the columns have different lengths");
      }
    }
    return columns;
  }

  /** The values of one row; a Refusal among them is thrown. */
  static Object[] row(Object[][] columns, int row) throws Refusal {
    Object[] values = new Object[columns.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = columns[i][row];
      if (values[i] instanceof Refusal refusal) throw refusal;
    }
    return values;
  }
}
