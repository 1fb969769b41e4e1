// One way to call the function: from an INFER to its RESULT.
package idiom.calling;

import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.Violation;

/**
 * Prepared at BIND; first {@link #read}, then {@link #answer} for each frame. They are apart
 * because while the author's code runs, the memory of the INFER may be used to read a CANCEL.
 */
public interface Call {
  /** Tells whether the frame that is being executed was cancelled. */
  interface Cancellation {
    boolean isCancelled();
  }

  /**
   * Reads the inputs; runs none of the author's code.
   *
   * @throws Violation when the tensors are not those of the signature
   * @throws Refusal INVALID_INPUT
   */
  void read(InferBody infer) throws Violation, Refusal;

  /**
   * Calls the function with what was read and writes the outputs.
   *
   * @param infer its segments; its tensors are gone
   * @param out where the RESULT has been begun
   * @return the length of the RESULT's frame
   * @throws Throwable what the author's code throws, or a Refusal
   */
  int answer(InferBody infer, ResultBody out, Cancellation cancellation) throws Throwable;
}
