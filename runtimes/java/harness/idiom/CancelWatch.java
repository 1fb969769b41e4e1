// Sees CANCEL, PING and end-of-file while the author's code runs, without a thread hop per request.
package idiom;

import idiom.calling.Call;
import idiom.protocol.FrameReader;
import idiom.protocol.FrameType;
import idiom.protocol.FrameWriter;
import idiom.protocol.Violation;
import java.io.IOException;

/**
 * The main thread reads and calls. A second one wakes up once in a tick while there is work and
 * takes over the reading when it finds the same call running for a whole tick. What it reads then
 * and is not for itself, it hands back; so only a call that outlasts a tick costs a thread hop.
 */
final class CancelWatch implements Runnable, Call.Cancellation {
  private static final long TICK_MS = 10;

  private final FrameReader reader;
  private final FrameWriter writer;
  private final Thread caller = Thread.currentThread();

  // All guarded by this.
  private boolean running;
  private long runningId;
  private long calls;
  private boolean asleep;
  private boolean reading;
  private boolean handedBack;

  private volatile boolean cancelled;

  CancelWatch(FrameReader reader, FrameWriter writer) {
    this.reader = reader;
    this.writer = writer;
  }

  /** Begins to watch over what the calling thread does. */
  void start() {
    Thread thread = new Thread(this, "idiom-watch");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Says that the author's code runs from now on, for the INFER with this id, or 0 while loading.
   */
  synchronized void begin(long id) {
    running = true;
    runningId = id;
    calls++;
    if (asleep) {
      asleep = false;
      notifyAll();
    }
  }

  /** Says that it is over. From here on no interrupt can come. */
  synchronized void end() {
    running = false;
    cancelled = false;
    // Also one that the author's code has left behind.
    Thread.interrupted();
  }

  /** Whether the call that runs was cancelled. */
  @Override
  public boolean isCancelled() {
    return cancelled;
  }

  /**
   * Reads the next frame, for the main thread.
   *
   * @return false at end-of-file
   */
  boolean next() throws IOException, Violation {
    return waitForReader() || reader.next();
  }

  /** Returns whether a frame was handed back, as soon as nobody else is reading. */
  private synchronized boolean waitForReader() {
    while (reading) {
      try {
        wait();
      } catch (InterruptedException e) {
        // A late interrupt by a thread of the model's own: the call is over, it means nothing.
      }
    }
    boolean frame = handedBack;
    handedBack = false;
    return frame;
  }

  @Override
  public void run() {
    try {
      for (; ; ) {
        waitForLongCall();
        readUntilHandedBack();
      }
    } catch (InterruptedException | IOException e) {
      Exit.now(Exit.HOST_GONE);
    } catch (Violation violation) {
      Session.end(writer, violation);
    }
  }

  private synchronized void waitForLongCall() throws InterruptedException {
    for (; ; ) {
      long before = calls;
      wait(TICK_MS);
      if (calls != before) continue;
      if (running && !handedBack) {
        reading = true;
        return;
      }
      asleep = true;
      while (asleep) wait();
    }
  }

  private void readUntilHandedBack() throws IOException, Violation {
    do {
      if (!reader.next()) Exit.now(Exit.HOST_GONE);
    } while (isForWatch());
  }

  private synchronized boolean isForWatch() throws IOException, Violation {
    if (running && reader.type() == FrameType.CANCEL) {
      reader.json();
      if (reader.id() == runningId) {
        cancelled = true;
        caller.interrupt();
      }
      return true;
    }
    if (running && reader.type() == FrameType.PING) {
      reader.json();
      writer.text(FrameType.PONG, reader.id(), "{}");
      return true;
    }
    reading = false;
    handedBack = true;
    notifyAll();
    return false;
  }
}
