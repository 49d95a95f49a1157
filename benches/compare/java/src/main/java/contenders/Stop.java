package contenders;

import java.util.concurrent.CountDownLatch;

/** SIGTERM: the contender is asked to end, and the process waits for it and exits with 0, or with 1 where it failed. */
final class Stop {
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean asked;
    private volatile boolean failed = true;

    /** {@code wake} is called when the signal comes, by another thread. */
    Stop(Runnable wake) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            asked = true;
            wake.run();
            try {
                ended.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            // Java's own exit code would be that of the signal.
            Runtime.getRuntime().halt(failed ? 1 : 0);
        }));
    }

    boolean asked() {
        return asked;
    }

    void ended(boolean well) {
        failed = !well;
        ended.countDown();
    }
}
