// The author's function: a method and the object that it is called on.
package idiom.model;

import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;

/**
 * Found first, without running the author's code; then {@link #instantiate} runs the constructor.
 */
public final class Entry {
  private final String name;
  private final Method method;
  private Object instance;

  Entry(String name, Method method) {
    this.name = name;
    this.method = method;
    // The class may be package-private, or a type nested in it.
    method.setAccessible(true);
  }

  /** As LOADED says it: {@code Model.java:predict}. */
  public String name() {
    return name;
  }

  public Method method() {
    return method;
  }

  /** The method's own name, for messages. */
  public String function() {
    return method.getName();
  }

  /**
   * Makes the object that the method is called on; for a static method only the class is
   * initialised.
   *
   * @throws Throwable what the author's constructor or class initialiser throws
   */
  public void instantiate() throws Throwable {
    Class<?> type = method.getDeclaringClass();
    if (Modifier.isStatic(method.getModifiers())) {
      Class.forName(type.getName(), true, type.getClassLoader());
      return;
    }
    Constructor<?> constructor;
    try {
      constructor = type.getDeclaredConstructor();
    } catch (NoSuchMethodException e) {
      throw new Refusal(
          ErrorKind.LOAD_FAILED,
          type.getSimpleName()
              + " has no constructor without parameters, and "
              + function()
              + " is not static");
    }
    constructor.setAccessible(true);
    try {
      instance = constructor.newInstance();
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /**
   * Calls the function.
   *
   * @throws Throwable what the author's code throws, itself
   */
  public Object call(Object... arguments) throws Throwable {
    try {
      return method.invoke(instance, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
