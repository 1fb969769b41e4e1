// Convention row: one call a row. A row that fails takes its own segment with it and no other.
package idiom.calling;

import idiom.model.Entry;
import idiom.model.Failures;
import idiom.model.Parameters;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.Violation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Outputs are columns too; each value is checked with its row, so that it fails with its row. */
final class RowCall implements Call {
  private final Entry entry;
  private final Columns columns;
  private final Outputs outputs;
  private final Failures failures;

  private Object[][] values;

  RowCall(Entry entry, Parameters parameters, Inputs inputs, Outputs outputs, Failures failures)
      throws Refusal {
    this.entry = entry;
    this.outputs = outputs;
    this.failures = failures;
    columns = new Columns(parameters, inputs, entry.function());
  }

  @Override
  public void read(InferBody infer) throws Violation, Refusal {
    values = columns.of(infer, true);
  }

  @Override
  public int answer(InferBody infer, ResultBody out, Cancellation cancellation) throws Throwable {
    int total = values.length == 0 ? 0 : values[0].length;
    Object[][] answers = new Object[outputs.count()][total];
    List<Map<String, Object>> errors = null;
    int answered = 0;
    int from = 0;
    for (int segment = 0; segment < infer.segments(); segment++) {
      int rows = infer.isCounted() ? infer.rows(segment) : total;
      int row = 0;
      try {
        for (; row < rows; row++) {
          if (cancellation.isCancelled()) throw new InterruptedException();
          answer(Columns.row(values, from + row), answers, answered + row);
        }
        answered += rows;
      } catch (Throwable thrown) {
        if (cancellation.isCancelled()) throw thrown;
        if (errors == null) errors = new ArrayList<>();
        errors.add(failures.whileServing(thrown).toRowError(segment, row));
        out.dropSegment(segment);
      }
      from += rows;
    }
    for (int i = 0; i < answers.length; i++) {
      outputs.writer(i).writeColumn(answers[i], answered, out);
    }
    return out.finish(errors);
  }

  private void answer(Object[] row, Object[][] answers, int at) throws Throwable {
    Object result = entry.call(columns.arguments().of(row));
    for (int i = 0; i < answers.length; i++) {
      answers[i][at] = outputs.writer(i).prepare(outputs.valueOf(result, i));
    }
  }
}
