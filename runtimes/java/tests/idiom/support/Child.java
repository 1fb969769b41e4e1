// The host's side of one instance: the harness as a real process, started by the command of
// runtime.json.
package idiom.support;

import idiom.protocol.Json;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sends and receives frames; the process is dead when it is closed. */
public final class Child implements AutoCloseable {
  public static final int HELLO = 0x01;
  public static final int INIT = 0x02;
  public static final int LOADED = 0x03;
  public static final int BIND = 0x04;
  public static final int READY = 0x05;
  public static final int FAILED = 0x06;
  public static final int CANCEL = 0x08;
  public static final int PING = 0x09;
  public static final int PONG = 0x0A;
  public static final int DRAIN = 0x0B;
  public static final int BYE = 0x0C;
  public static final int INFER = 0x10;
  public static final int RESULT = 0x11;
  public static final int ERROR = 0x12;

  /** A frame as it arrived. */
  public record Frame(int type, long id, byte[] body) {
    /** The body of a control frame. */
    public Map<String, Object> json() throws Exception {
      return Json.parse(body, 0, body.length);
    }

    /** The body of a RESULT. */
    public Wire.Result result() throws Exception {
      if (type != RESULT) {
        throw new AssertionError("no RESULT: " + new String(body, StandardCharsets.UTF_8));
      }
      return Wire.result(body);
    }
  }

  private final ModelFolder model;
  private final Process process;
  private final SocketChannel channel;
  private final DataInputStream in;
  private final OutputStream out;

  /** Starts the harness for a model and waits for nothing. */
  public Child(ModelFolder model) throws Exception {
    this.model = model;
    Path socket = Files.createTempFile("idiom", ".sock");
    Files.delete(socket);
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      process =
          new ProcessBuilder(command(socket))
              .directory(model.folder().toFile())
              .redirectInput(new File("/dev/null"))
              .start();
      channel = server.accept();
    } finally {
      Files.deleteIfExists(socket);
    }
    in = new DataInputStream(Channels.newInputStream(channel));
    out = Channels.newOutputStream(channel);
  }

  private static List<String> command(Path socket) throws Exception {
    byte[] runtime = Files.readAllBytes(Path.of("runtime.json"));
    String java = ProcessHandle.current().info().command().orElse("java");
    List<String> command =
        new ArrayList<>(
            List.of(
                "python3", Path.of("tests/launch.py").toAbsolutePath().toString(), socket + ""));
    for (Object word : (List<?>) Json.parse(runtime, 0, runtime.length).get("command")) {
      command.add(
          ((String) word)
              .replace("{tool:java}", java)
              .replace("{heap_mb}", "64")
              .replace("{built}", Path.of("target").toAbsolutePath().toString()));
    }
    return command;
  }

  /** Loads the model as it stands, up to LOADED or FAILED. */
  public Frame init() throws Exception {
    return init(Map.of());
  }

  /** Loads the model with some fields of INIT set otherwise. */
  public Frame init(Map<String, Object> fields) throws Exception {
    expect(HELLO);
    Map<String, Object> init = new LinkedHashMap<>();
    init.put("model", "m");
    init.put("version", "1");
    init.put("instance", "m/1#1");
    init.put("folder", model.folder().toString());
    init.put("entry", null);
    init.put("per", "batch");
    init.put("content_type", null);
    init.put("libraries", List.of(model.classes().toString(), model.folder().toString()));
    init.put("max_frame", 1 << 20);
    init.putAll(fields);
    send(INIT, 0, Json.write(init));
    return receive();
  }

  /** Binds the loaded model, up to READY or FAILED; tensors are spelled as in {@link #tensor}. */
  public Frame bind(List<Map<String, Object>> inputs, List<Map<String, Object>> outputs)
      throws Exception {
    send(BIND, 0, Json.write(Map.of("inputs", inputs, "outputs", outputs)));
    return receive();
  }

  /** Loads and binds the model. */
  public Child ready(List<Map<String, Object>> inputs, List<Map<String, Object>> outputs)
      throws Exception {
    require(LOADED, init());
    require(READY, bind(inputs, outputs));
    return this;
  }

  /** A tensor of a signature. */
  public static Map<String, Object> tensor(String name, String datatype, Integer... shape) {
    Map<String, Object> tensor = new LinkedHashMap<>();
    tensor.put("name", name);
    tensor.put("datatype", datatype);
    tensor.put("shape", List.of(shape));
    tensor.put("content_type", null);
    tensor.put("na", null);
    tensor.put("levels", null);
    return tensor;
  }

  /** The same with one of the other fields. */
  public static Map<String, Object> with(Map<String, Object> tensor, String field, Object value) {
    tensor.put(field, value);
    return tensor;
  }

  public void send(int type, long id, String json) throws IOException {
    send(type, id, json.getBytes(StandardCharsets.UTF_8));
  }

  public void send(int type, long id, byte[] body) throws IOException {
    ByteBuffer frame = Wire.littleEndian(new byte[16 + body.length]);
    frame.putInt(body.length).put((byte) type).put(new byte[3]).putLong(id).put(body);
    write(frame.array());
  }

  /** Sends bytes as they are. */
  public void write(byte[] bytes) throws IOException {
    out.write(bytes);
  }

  /** Sends an INFER and waits for its answer. */
  public Frame infer(long id, int[] rows, Wire.Sent... tensors) throws Exception {
    send(INFER, id, Wire.infer(rows, tensors));
    return receive();
  }

  public Frame receive() throws IOException {
    byte[] header = new byte[16];
    in.readFully(header);
    ByteBuffer words = Wire.littleEndian(header);
    byte[] body = new byte[words.getInt(0)];
    in.readFully(body);
    return new Frame(header[4], words.getLong(8), body);
  }

  /** Receives a frame that must be of this type. */
  public Frame expect(int type) throws IOException {
    return require(type, receive());
  }

  private static Frame require(int type, Frame frame) {
    if (frame.type() == type) return frame;
    throw new AssertionError(
        frame.type() + ": " + new String(frame.body(), StandardCharsets.UTF_8));
  }

  /** Closes the transport, as a host does that dies. */
  public void hangUp() throws IOException {
    channel.close();
  }

  /** Waits for the end of the process. */
  public int exitStatus() throws InterruptedException {
    return process.waitFor();
  }

  /** Reads standard output up to and with a line that says {@code last}. */
  public String outputUpTo(String last) throws IOException {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    int next;
    while ((next = process.getInputStream().read()) >= 0) {
      output.write(next);
      String text = output.toString(StandardCharsets.ISO_8859_1);
      if (text.endsWith(last)) return text;
    }
    throw new AssertionError("standard output ended without " + last);
  }

  @Override
  public void close() throws Exception {
    channel.close();
    process.destroyForcibly().waitFor();
  }
}
