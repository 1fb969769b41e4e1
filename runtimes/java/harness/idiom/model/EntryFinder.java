// Finds the function that the entry names or, without one, the only one that there is.
package idiom.model;

import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** Every refusal lists what was found. */
public final class EntryFinder {
  private static final String SOURCE = ".java";

  private final ModelClasses classes;

  public EntryFinder(ModelClasses classes) {
    this.classes = classes;
  }

  /**
   * Finds the entry.
   *
   * @param entry {@code Model.java:predict}, {@code com.acme.Churn:apply}, either without the
   *     method, or null
   * @throws Refusal ENTRY_NOT_FOUND
   * @throws LinkageError when a class that the entry's signature names is missing
   */
  public Entry find(String entry) throws Refusal, IOException {
    if (entry == null) return entryOf(onlyModelClass(), null);
    int colon = entry.lastIndexOf(':');
    String file = colon < 0 ? entry : entry.substring(0, colon);
    String symbol = colon < 0 ? null : entry.substring(colon + 1);
    return entryOf(named(file), symbol);
  }

  private Class<?> named(String file) throws Refusal, IOException {
    String name = file;
    if (file.endsWith(SOURCE)) {
      name = file.substring(0, file.length() - SOURCE.length()).replace('/', '.');
    }
    Class<?> type = loaded(name);
    if (type != null) return type;
    // The file may lie in a source folder, or in none that matches its package.
    if (file.endsWith(SOURCE)) {
      String simpleName = name.substring(name.lastIndexOf('.') + 1);
      for (String own : classes.ownClasses()) {
        if (own.endsWith("." + simpleName)) return loaded(own);
      }
    }
    throw notFound("there is no class for '" + file + "'; found: " + foundClasses());
  }

  private Class<?> loaded(String name) {
    try {
      return classes.load(name);
    } catch (ClassNotFoundException e) {
      return null;
    } catch (NoClassDefFoundError e) {
      // A class file below a folder that is no package of it. Otherwise a superclass is missing.
      if (e.getMessage() != null && e.getMessage().contains("wrong name")) return null;
      throw e;
    }
  }

  private Class<?> onlyModelClass() throws Refusal, IOException {
    List<Class<?>> candidates = new ArrayList<>();
    NoClassDefFoundError missing = null;
    for (String name : classes.ownClasses()) {
      try {
        Class<?> type = loaded(name);
        if (type != null && isModelClass(type)) candidates.add(type);
      } catch (NoClassDefFoundError e) {
        // It may be one that the model does not need, as what trained it.
        missing = e;
      }
    }
    if (candidates.isEmpty() && missing != null) throw missing;
    if (candidates.size() == 1) return candidates.get(0);
    for (Class<?> type : candidates) {
      if (type.getSimpleName().equals("Model")) return type;
    }
    if (candidates.isEmpty()) {
      throw notFound("there is no public class with a public method; found: " + foundClasses());
    }
    StringBuilder names = new StringBuilder();
    for (Class<?> type : candidates) {
      names.append(names.length() == 0 ? "" : ", ").append(type.getName());
    }
    Class<?> first = candidates.get(0);
    throw notFound(
        "several classes could be the model: %s. Write in model.yaml which: entry: %s:%s"
            .formatted(names, sourceName(first), functions(first).get(0).getName()));
  }

  private static boolean isModelClass(Class<?> type) {
    int modifiers = type.getModifiers();
    return Modifier.isPublic(modifiers)
        && !Modifier.isAbstract(modifiers)
        && !type.isRecord()
        && !type.isEnum()
        && !Throwable.class.isAssignableFrom(type)
        && !functions(type).isEmpty();
  }

  private Entry entryOf(Class<?> type, String symbol) throws Refusal {
    List<Method> functions = functions(type);
    Method function = symbol == null ? defaultOf(functions) : only(functions, symbol);
    if (function == null) {
      String wanted =
          symbol == null ? "no method to choose" : "no single public method '" + symbol + "'";
      throw notFound(
          "there is %s in %s; found: %s. Write in model.yaml which: entry: %s:<method>"
              .formatted(wanted, type.getName(), described(functions), sourceName(type)));
    }
    return new Entry(sourceName(type) + ":" + function.getName(), function);
  }

  private static Method defaultOf(List<Method> functions) {
    if (functions.size() == 1) return functions.get(0);
    Method predict = only(functions, "predict");
    return predict != null ? predict : only(functions, "apply");
  }

  private static Method only(List<Method> functions, String name) {
    Method found = null;
    for (Method function : functions) {
      if (!function.getName().equals(name)) continue;
      if (found != null) return null;
      found = function;
    }
    return found;
  }

  // What the author could mean: public methods with a parameter and a result that neither the
  // compiler nor java.lang wrote.
  private static List<Method> functions(Class<?> type) {
    List<Method> functions = new ArrayList<>();
    for (Method method : type.getMethods()) {
      Class<?> owner = method.getDeclaringClass();
      boolean authors = !method.isSynthetic() && owner != Object.class && !owner.isInterface();
      if (authors
          && method.getReturnType() != void.class
          && method.getParameterCount() > 0
          && !method.getName().equals("equals")) {
        functions.add(method);
      }
    }
    functions.sort((a, b) -> a.getName().compareTo(b.getName()));
    return functions;
  }

  private static String described(List<Method> functions) {
    if (functions.isEmpty()) return "no public method with parameters and a result";
    StringBuilder text = new StringBuilder();
    for (Method function : functions) {
      text.append(text.length() == 0 ? "" : ", ").append(function.getName()).append('(');
      for (int i = 0; i < function.getParameterCount(); i++) {
        text.append(i == 0 ? "" : ", ").append(function.getParameterTypes()[i].getSimpleName());
      }
      text.append(')');
    }
    return text.toString();
  }

  private String foundClasses() throws IOException {
    List<String> names = classes.ownClasses();
    if (!names.isEmpty()) return String.join(", ", names);
    return Files.exists(classes.folder().resolve("Model.java"))
        ? "Model.java, which is not compiled"
        : "no compiled class";
  }

  private String sourceName(Class<?> type) {
    String source = classes.sourceOf(type.getName(), type.getSimpleName() + SOURCE);
    return Files.exists(classes.folder().resolve(source)) ? source : type.getName();
  }

  private static Refusal notFound(String message) {
    return new Refusal(ErrorKind.ENTRY_NOT_FOUND, message);
  }
}
