package example;

import com.google.protobuf.ByteString;
import inference.GRPCInferenceServiceGrpc;
import inference.InferTensorContents;
import inference.ModelInferRequest;
import inference.ModelInferResponse;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Asks the Python model breast-cancer about two tumours: Client [--url localhost:8001]. */
public class Client {
  public static void main(String[] args) {
    String url = args.length == 2 && args[0].equals("--url") ? args[1] : "localhost:8001";
    Map<String, double[]> tumours = new LinkedHashMap<>();
    tumours.put("mean_radius", new double[] {17.99, 13.54});
    tumours.put("mean_texture", new double[] {10.38, 14.36});
    tumours.put("mean_smoothness", new double[] {0.1184, 0.09779});
    tumours.put("mean_concavity", new double[] {0.3001, 0.06664});
    tumours.put("mean_concave_points", new double[] {0.1471, 0.04781});
    tumours.put("worst_radius", new double[] {25.38, 15.11});
    tumours.put("worst_texture", new double[] {17.33, 19.26});
    tumours.put("worst_smoothness", new double[] {0.1622, 0.144});
    tumours.put("worst_concave_points", new double[] {0.2654, 0.1288});

    // A server for more than this machine asks for a key.
    Metadata headers = new Metadata();
    String key = System.getenv("IDIOM_API_KEY");
    if (key != null) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
    }

    ManagedChannel channel =
        Grpc.newChannelBuilder(url, InsecureChannelCredentials.create()).build();
    try {
      ModelInferResponse answer =
          GRPCInferenceServiceGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
              .withDeadlineAfter(10, TimeUnit.SECONDS)
              .modelInfer(request("breast-cancer", tumours));
      ByteBuffer diagnoses = output(answer, "diagnosis");
      ByteBuffer probabilities = output(answer, "probability");
      while (probabilities.hasRemaining()) {
        System.out.printf("%s %.2f%n", readString(diagnoses), probabilities.getDouble());
      }
    } catch (StatusRuntimeException failure) {
      System.err.println(failure.getMessage());
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }

  private static ModelInferRequest request(String model, Map<String, double[]> columns) {
    var request = ModelInferRequest.newBuilder().setModelName(model);
    columns.forEach(
        (name, values) -> {
          var contents = InferTensorContents.newBuilder();
          for (double value : values) {
            contents.addFp64Contents(value);
          }
          request
              .addInputsBuilder()
              .setName(name)
              .setDatatype("FP64")
              .addShape(values.length)
              .setContents(contents);
        });
    return request.build();
  }

  /** The bytes of one output: answers come raw, little-endian, in the order of the outputs. */
  private static ByteBuffer output(ModelInferResponse answer, String name) {
    for (int i = 0; i < answer.getOutputsCount(); i++) {
      if (answer.getOutputs(i).getName().equals(name)) {
        ByteString bytes = answer.getRawOutputContents(i);
        return bytes.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      }
    }
    throw new IllegalStateException("no output " + name);
  }

  /** The next element of a BYTES tensor: its length in four bytes, then UTF-8. */
  private static String readString(ByteBuffer tensor) {
    byte[] text = new byte[tensor.getInt()];
    tensor.get(text);
    return new String(text, StandardCharsets.UTF_8);
  }
}
