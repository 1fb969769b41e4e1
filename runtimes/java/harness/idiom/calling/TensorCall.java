// Conventions tensor and named, and frame where the function takes its columns as arrays.
package idiom.calling;

import idiom.model.Entry;
import idiom.model.Parameters;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.Tensor;
import idiom.protocol.TensorSpec;
import idiom.protocol.Violation;
import idiom.values.ColumnReader;
import idiom.values.JavaType;
import idiom.values.TensorReader;
import idiom.values.TensorWriter;
import java.util.List;

/** Each input becomes an array or a scalar; one call a frame. */
final class TensorCall implements Call {
  private final Entry entry;
  private final Inputs inputs;
  private final Outputs outputs;
  private final Arguments arguments;
  private final int[] bound;
  private final TensorReader[] readers;

  private Object[] values;

  /**
   * @param columns whether every input is a column of a frame
   */
  TensorCall(Entry entry, Parameters parameters, Inputs inputs, Outputs outputs, boolean columns)
      throws Refusal {
    this.entry = entry;
    this.inputs = inputs;
    this.outputs = outputs;
    List<TensorSpec> specs = inputs.specs();
    arguments = new Arguments(parameters, specs.stream().map(TensorSpec::name).toList());
    boolean map = parameters.form() == Parameters.Form.MAP;
    bound = map ? inOrder(specs.size()) : inputs.boundTo(parameters, entry.function());
    readers = new TensorReader[bound.length];
    for (int i = 0; i < bound.length; i++) {
      TensorSpec spec = specs.get(bound[i]);
      if (columns) ColumnReader.requireColumn(spec);
      JavaType type = map ? JavaType.ANY : parameters.fields().get(i).type();
      readers[i] = new TensorReader(spec, type, columns);
    }
  }

  private static int[] inOrder(int count) {
    int[] order = new int[count];
    for (int i = 0; i < count; i++) order[i] = i;
    return order;
  }

  @Override
  public void read(InferBody infer) throws Violation, Refusal {
    Tensor[] tensors = inputs.tensorsOf(infer);
    values = new Object[readers.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = readers[i].read(infer.bytes(), tensors[bound[i]]);
    }
  }

  @Override
  public int answer(InferBody infer, ResultBody out, Cancellation cancellation) throws Throwable {
    Object result = entry.call(arguments.of(values));
    outputs.write(result, infer.isCounted() ? infer.totalRows() : TensorWriter.ANY_ROWS, out);
    return out.finish(null);
  }
}
