// Convention frame where the function takes a list: of records or of maps, one a row.
package idiom.calling;

import idiom.model.Entry;
import idiom.model.Parameters;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.Violation;
import idiom.values.TensorWriter;
import java.util.ArrayList;
import java.util.List;

/** One call a frame. */
final class FrameCall implements Call {
  private final Entry entry;
  private final Columns columns;
  private final Outputs outputs;

  private Object[][] values;

  FrameCall(Entry entry, Parameters parameters, Inputs inputs, Outputs outputs) throws Refusal {
    this.entry = entry;
    this.outputs = outputs;
    columns = new Columns(parameters, inputs, entry.function());
  }

  @Override
  public void read(InferBody infer) throws Violation, Refusal {
    values = columns.of(infer, false);
  }

  @Override
  public int answer(InferBody infer, ResultBody out, Cancellation cancellation) throws Throwable {
    int count = values.length == 0 ? 0 : values[0].length;
    List<Object> rows = new ArrayList<>(count);
    for (int row = 0; row < count; row++) {
      rows.add(columns.arguments().gathered(Columns.row(values, row)));
    }
    Object result = entry.call(rows);
    outputs.write(result, infer.isCounted() ? infer.totalRows() : TensorWriter.ANY_ROWS, out);
    return out.finish(null);
  }
}
