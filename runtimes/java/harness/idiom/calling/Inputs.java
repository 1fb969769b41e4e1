// The inputs of the signature: which tensor of a frame is which, and which field takes it.
package idiom.calling;

import idiom.model.Parameters;
import idiom.protocol.ErrorKind;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.Tensor;
import idiom.protocol.TensorSpec;
import idiom.protocol.Violation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Fields bind by name; by position only where the compiler kept no names; one to one in any case.
 */
final class Inputs {
  private final List<TensorSpec> specs;
  private final Tensor[] tensors;

  Inputs(List<TensorSpec> specs) {
    this.specs = specs;
    tensors = new Tensor[specs.size()];
  }

  List<TensorSpec> specs() {
    return specs;
  }

  /** The tensors of a frame by their index in the signature; valid until the next frame. */
  Tensor[] tensorsOf(InferBody infer) throws Violation {
    if (infer.tensorCount() != tensors.length) {
      throw new Violation(
          "INFER: %d tensors, the signature has %d inputs"
              .formatted(infer.tensorCount(), tensors.length));
    }
    Arrays.fill(tensors, null);
    for (int i = 0; i < tensors.length; i++) {
      Tensor tensor = infer.tensor(i);
      int index = tensor.index();
      if (index >= tensors.length || tensors[index] != null) {
        throw new Violation("INFER: tensor " + i + " is no input, or comes twice");
      }
      if (tensor.datatype() != specs.get(index).datatype()) {
        throw new Violation("INFER: the data type of tensor " + i + " is not the signature's");
      }
      tensors[index] = tensor;
    }
    return tensors;
  }

  /**
   * Which input each field takes.
   *
   * @throws Refusal SIGNATURE when a field or an input is left over
   */
  int[] boundTo(Parameters parameters, String function) throws Refusal {
    List<Parameters.Field> fields = parameters.fields();
    if (fields.size() == 1 && specs.size() == 1) return new int[] {0};
    boolean named = fields.stream().allMatch(field -> field.name() != null);
    if (fields.size() != specs.size()) throw leftOver(fields, function);
    int[] bound = new int[fields.size()];
    for (int i = 0; i < bound.length; i++) {
      bound[i] = named ? inputCalled(fields.get(i).name()) : i;
      if (bound[i] < 0) throw leftOver(fields, function);
    }
    return bound;
  }

  private int inputCalled(String name) {
    for (int i = 0; i < specs.size(); i++) {
      if (specs.get(i).name().equals(name)) return i;
    }
    return -1;
  }

  private Refusal leftOver(List<Parameters.Field> fields, String function) {
    List<String> taken = new ArrayList<>();
    for (Parameters.Field field : fields) taken.add(field.type() + " " + field.name());
    List<String> given = new ArrayList<>();
    for (TensorSpec spec : specs) given.add(spec.name());
    return new Refusal(
        ErrorKind.SIGNATURE,
        ("%s takes (%s), the signature's inputs are [%s]: give them the same names under inputs"
                + " in model.yaml, as in - {name: %s, datatype: ..., shape: [-1]}")
            .formatted(
                function,
                String.join(", ", taken),
                String.join(", ", given),
                fields.get(0).name()));
  }
}
