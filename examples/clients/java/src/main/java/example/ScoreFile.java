package example;

import com.google.protobuf.ByteString;
import idiom.v1.Jobs.DataChunk;
import idiom.v1.Jobs.DataSource;
import idiom.v1.Jobs.GetJobRequest;
import idiom.v1.Jobs.Job;
import idiom.v1.Jobs.SubmitJobRequest;
import idiom.v1.Jobs.UploadInputRequest;
import idiom.v1.JobsServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;

/** Scores a CSV file with the Python model breast-cancer, in a job: ScoreFile URL INPUT OUTPUT. */
public class ScoreFile {
  private static final int CHUNK = 1 << 18;

  public static void main(String[] args) throws Exception {
    Path input = Path.of(args[1]);
    Path output = Path.of(args[2]);

    // A server for more than this machine asks for a key.
    Metadata headers = new Metadata();
    String key = System.getenv("IDIOM_API_KEY");
    if (key != null) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
    }
    var withKey = MetadataUtils.newAttachHeadersInterceptor(headers);

    ManagedChannel channel =
        Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    try {
      var jobs = JobsServiceGrpc.newBlockingStub(channel).withInterceptors(withKey);
      Job job =
          jobs.submitJob(
              SubmitJobRequest.newBuilder()
                  .setModel("breast-cancer")
                  .setInput(DataSource.newBuilder().setName(input.getFileName().toString()))
                  .build());
      upload(JobsServiceGrpc.newStub(channel).withInterceptors(withKey), job.getId(), input);

      GetJobRequest thisJob = GetJobRequest.newBuilder().setId(job.getId()).build();
      for (Iterator<Job> states = jobs.watchJob(thisJob); states.hasNext(); ) {
        job = states.next();
      }
      if (!job.getState().equals("succeeded")) {
        throw new IllegalStateException("the job " + job.getState() + ": " + job.getReason());
      }
      try (OutputStream file = Files.newOutputStream(output)) {
        for (Iterator<DataChunk> chunks = jobs.readOutput(thisJob); chunks.hasNext(); ) {
          chunks.next().getData().writeTo(file);
        }
      }
      System.out.println(job.getDoneRows() + " rows");
    } finally {
      channel.shutdownNow();
    }
  }

  /** The first message names the job, the others carry the file, as fast as the server takes it. */
  private static void upload(JobsServiceGrpc.JobsServiceStub jobs, String id, Path input)
      throws Exception {
    var uploaded = new CompletableFuture<Job>();
    try (InputStream file = Files.newInputStream(input)) {
      jobs.uploadInput(
          new ClientResponseObserver<UploadInputRequest, Job>() {
            @Override
            public void beforeStart(ClientCallStreamObserver<UploadInputRequest> messages) {
              messages.setOnReadyHandler(() -> send(messages));
            }

            private boolean named = false;

            private boolean sent = false;

            private void send(ClientCallStreamObserver<UploadInputRequest> messages) {
              try {
                while (messages.isReady() && !sent) {
                  var message = UploadInputRequest.newBuilder();
                  byte[] bytes = named ? file.readNBytes(CHUNK) : new byte[0];
                  sent = named && bytes.length == 0;
                  if (sent) {
                    messages.onCompleted();
                  } else if (named) {
                    messages.onNext(message.setData(ByteString.copyFrom(bytes)).build());
                  } else {
                    messages.onNext(message.setJobId(id).build());
                  }
                  named = true;
                }
              } catch (Exception failure) {
                messages.cancel("the file cannot be read", failure);
              }
            }

            @Override
            public void onNext(Job job) {
              uploaded.complete(job);
            }

            @Override
            public void onError(Throwable failure) {
              uploaded.completeExceptionally(failure);
            }

            @Override
            public void onCompleted() {}
          });
      uploaded.get();
    }
  }
}
