// Chooses the convention when the signature is known and prepares the calls; PROTOCOL.md, section
// 7.
package idiom.calling;

import idiom.model.Entry;
import idiom.model.Failures;
import idiom.model.Parameters;
import idiom.protocol.Bytes;
import idiom.protocol.ContentType;
import idiom.protocol.ErrorKind;
import idiom.protocol.FrameReader;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.TensorSpec;
import idiom.protocol.Violation;
import idiom.values.ColumnReader;
import java.util.List;

/** A loaded function together with its signature: from an INFER to the frame that answers it. */
public final class Binding {
  private final String convention;
  private final Call call;
  private final int outputCount;
  private final InferBody infer = new InferBody();
  private final ResultBody result;

  /**
   * Binds the function to the signature.
   *
   * @param perRow whether model.yaml says {@code per: row}
   * @param contentType of the whole model
   * @throws Refusal SIGNATURE when the function cannot be called with it
   */
  public Binding(
      Entry entry,
      Parameters parameters,
      boolean perRow,
      ContentType contentType,
      List<TensorSpec> inputSpecs,
      List<TensorSpec> outputSpecs,
      int maxFrame,
      Failures failures)
      throws Refusal {
    Inputs inputs = new Inputs(inputSpecs);
    Outputs outputs = new Outputs(outputSpecs);
    if (perRow || parameters.areScalars()) {
      if (parameters.areRows()) throw perRowOfList(entry);
      for (TensorSpec spec : outputSpecs) ColumnReader.requireColumn(spec);
      convention = "row";
      call = new RowCall(entry, parameters, inputs, outputs, failures);
    } else if (parameters.areRows()) {
      convention = "frame";
      call = new FrameCall(entry, parameters, inputs, outputs);
    } else {
      boolean columns = contentType == ContentType.PD;
      boolean single = inputSpecs.size() == 1 && parameters.form() == Parameters.Form.VALUES;
      convention = columns ? "frame" : single ? "tensor" : "named";
      call = new TensorCall(entry, parameters, inputs, outputs, columns);
    }
    outputCount = outputSpecs.size();
    int[] ranks = new int[outputCount];
    for (int i = 0; i < outputCount; i++) ranks[i] = outputSpecs.get(i).shape().length;
    result = new ResultBody(ranks, maxFrame);
  }

  /** As READY says it. */
  public String convention() {
    return convention;
  }

  /**
   * Reads the inputs of an INFER; from then on the frame's memory is not needed any more.
   *
   * @throws Violation when the body does not add up
   * @throws Refusal INVALID_INPUT
   */
  public void read(FrameReader frame) throws Violation, Refusal {
    infer.parse(frame.bytes(), FrameReader.HEADER, frame.bodyLength());
    result.begin(frame.id(), infer, outputCount);
    call.read(infer);
  }

  /**
   * Executes the INFER that was read.
   *
   * @return the length of the answer, which lies in {@link #result}
   * @throws Throwable what the author's code throws, or a Refusal
   */
  public int answer(Call.Cancellation cancellation) throws Throwable {
    return call.answer(infer, result, cancellation);
  }

  /** The memory of the answer. */
  public Bytes result() {
    return result.bytes();
  }

  private static Refusal perRowOfList(Entry entry) {
    return new Refusal(
        ErrorKind.SIGNATURE,
        "%s takes a list, but model.yaml says per: row. Write per: batch, or take one record"
            .formatted(entry.function()));
  }
}
