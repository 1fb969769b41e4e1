// A model folder for a test: its sources, compiled as the host compiles them.
package idiom.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.tools.ToolProvider;

/** The sources lie in {@code folder}, the classes in {@code classes} beside it. */
public record ModelFolder(Path folder, Path classes) {

  /** A folder whose Model.java has this text, compiled with -parameters. */
  public static ModelFolder of(Path parent, String source) throws IOException {
    return of(parent, "Model.java", source, "-parameters");
  }

  /** A folder with one source file, compiled with these options. */
  public static ModelFolder of(Path parent, String file, String source, String... options)
      throws IOException {
    Path folder = Files.createDirectories(parent.resolve("model"));
    Path path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, source);
    Path classes = Files.createDirectories(parent.resolve("classes"));
    List<String> arguments = new ArrayList<>(Arrays.asList(options));
    arguments.addAll(List.of("-encoding", "UTF-8"));
    arguments.addAll(List.of("-g", "-proc:none", "-d", classes.toString(), path.toString()));
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, arguments.toArray(new String[0]));
    if (status != 0) throw new AssertionError("the model does not compile");
    return new ModelFolder(folder, classes);
  }
}
