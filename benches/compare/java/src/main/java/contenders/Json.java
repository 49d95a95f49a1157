package contenders;

import com.alibaba.fastjson2.util.DoubleToDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes of JSON, written into one buffer again and again. */
final class Json {
    private byte[] bytes = new byte[1024];
    private int length;

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** Starts anew, with room for this many bytes. */
    void clear(int room) {
        length = 0;
        if (bytes.length < room) bytes = new byte[room];
    }

    byte[] copy() {
        return Arrays.copyOf(bytes, length);
    }

    void raw(byte[] text) {
        System.arraycopy(text, 0, bytes, length, text.length);
        length += text.length;
    }

    void raw(char character) {
        bytes[length++] = (byte) character;
    }

    /** The shortest decimal that reads back to the same double, which must be within 0.001 and 1. */
    void probability(double value) {
        length += DoubleToDecimal.toString(value, bytes, length, true);
    }

    /** A number that is not negative. */
    void number(long value) {
        int digits = 1;
        for (long rest = value; rest >= 10; rest /= 10) digits++;
        int at = length += digits;
        do {
            bytes[--at] = (byte) ('0' + value % 10);
            value /= 10;
        } while (value > 0);
    }

    void twoDigits(int value) {
        bytes[length++] = (byte) ('0' + value / 10);
        bytes[length++] = (byte) ('0' + value % 10);
    }

    /** A field as a string, or null where it is missing. */
    void field(Row row, int column) {
        int start = row.start(column), end = row.end(column);
        if (row.isMissing(start, end)) {
            nothing();
            return;
        }
        byte[] from = row.bytes, to = bytes;
        int at = length;
        to[at++] = '"';
        for (int i = start; i < end; i++) {
            byte b = from[i];
            if (b < ' ' || b == '"' || b == '\\' || b == 0x7f) {
                escaped(new String(from, start, end - start, StandardCharsets.UTF_8));
                return;
            }
            to[at++] = b;
        }
        to[at++] = '"';
        length = at;
    }

    void nothing() {
        bytes[length++] = 'n';
        bytes[length++] = 'u';
        bytes[length++] = 'l';
        bytes[length++] = 'l';
    }

    private void escaped(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        raw(json.append('"').toString().getBytes(StandardCharsets.UTF_8));
    }
}
