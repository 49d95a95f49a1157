package contenders;

import java.util.Arrays;

/** {@code check < ROWS}, or {@code streams|loop OPTIONS} until it is told to end. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        String command = arguments.length == 0 ? "" : arguments[0];
        String[] options = Arrays.copyOfRange(arguments, Math.min(1, arguments.length), arguments.length);
        switch (command) {
            case "check" -> Check.run();
            case "loop" -> Loop.run(Settings.parse(options));
            case "streams" -> Streams.run(Settings.parse(options));
            default -> throw new IllegalArgumentException("the command is check, loop or streams, not \"" + command + "\"");
        }
    }
}
