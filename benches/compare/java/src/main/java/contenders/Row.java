package contenders;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The fields of one CSV row. One serves any number of rows, one after the other, and makes no garbage. */
final class Row {
    static final int YEAR = 0, MONTH = 1, DAY_OF_MONTH = 2, DAY_OF_WEEK = 3, CRS_DEP_TIME = 5, UNIQUE_CARRIER = 8,
            FLIGHT_NUM = 9, ORIGIN = 16, DEST = 17;
    static final int MISSING = Integer.MIN_VALUE;
    /** A field that should be a whole number within its column's range, and is not. */
    static final int BAD = Integer.MIN_VALUE + 1;

    private static final VarHandle WORDS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long COMMA = 0x0101010101010101L * ',', QUOTE = 0x0101010101010101L * '"',
            LOW = 0x7f7f7f7f7f7f7f7fL;

    private static final int MAX_BYTES = 64 * 1024, LEAST_WIDTH = 29, MOST_WIDTH = 31;

    /** What the fields stand in: the value itself, or a copy without quotes. */
    byte[] bytes;
    /** Where a field ends; the next starts one byte behind. A power of two, so that a mask keeps any index within. */
    private final int[] ends = new int[32];
    private int from;
    private byte[] unquoted = new byte[256];

    /** Splits a value; false where it is no row. */
    boolean read(byte[] value, int from, int length) {
        int to = from + length;
        if (to > from && value[to - 1] == '\n') to--;
        if (to > from && value[to - 1] == '\r') to--;
        if (to == from || length > MAX_BYTES) return false;

        // Eight bytes at once: that of a comma becomes its highest bit, alone.
        int[] ends = this.ends;
        int commas = 0, i = from;
        long quotes = 0;
        for (; i + Long.BYTES <= to; i += Long.BYTES) {
            long word = (long) WORDS.get(value, i);
            quotes |= matches(word, QUOTE);
            for (long match = matches(word, COMMA); match != 0; match &= match - 1) {
                ends[commas++ & 31] = i + (Long.numberOfTrailingZeros(match) >>> 3);
            }
        }
        for (; i < to; i++) {
            if (value[i] == ',') ends[commas++ & 31] = i;
            if (value[i] == '"') quotes = 1;
        }
        ends[commas & 31] = to;
        this.bytes = value;
        this.from = from;
        int width = quotes != 0 ? unquote(value, from, to) : commas + 1;
        return width >= LEAST_WIDTH && width <= MOST_WIDTH;
    }

    /** The highest bit of each byte that is the pattern's; no carry goes from one byte to the next. */
    private static long matches(long word, long pattern) {
        long difference = word ^ pattern;
        return ~((difference & LOW) + LOW | difference | LOW);
    }

    /** Copies RFC 4180 fields without their quotes; how many there are, or 0 where a quote is not closed. */
    private int unquote(byte[] value, int from, int to) {
        if (unquoted.length < to - from) unquoted = new byte[to - from];
        int width = 0, out = 0;
        boolean quoted = false, start = true;
        for (int i = from; i < to; i++) {
            byte b = value[i];
            if (quoted) {
                if (b != '"') {
                    unquoted[out++] = b;
                } else if (i + 1 < to && value[i + 1] == '"') {
                    unquoted[out++] = b;
                    i++;
                } else {
                    quoted = false;
                }
            } else if (b == ',') {
                ends[width++ & 31] = out;
                unquoted[out++] = b;
                start = true;
                continue;
            } else if (b == '"' && start) {
                quoted = true;
            } else {
                unquoted[out++] = b;
            }
            start = false;
        }
        ends[width++ & 31] = out;
        this.bytes = unquoted;
        this.from = 0;
        return quoted ? 0 : width;
    }

    int start(int column) {
        return column == 0 ? from : ends[column - 1] + 1;
    }

    int end(int column) {
        return ends[column];
    }

    boolean isMissing(int start, int end) {
        return end == start || end - start == 2 && bytes[start] == 'N' && bytes[start + 1] == 'A';
    }

    /** A whole number in this range, {@link #MISSING} or {@link #BAD}. */
    int number(int column, int least, int most) {
        int start = start(column), end = end(column);
        if (isMissing(start, end)) return MISSING;
        byte[] bytes = this.bytes;
        int first = bytes[start] == '-' ? start + 1 : start;
        int value = 0, i = first;
        for (; i < end; i++) {
            int digit = bytes[i] - '0';
            if (digit < 0 || digit > 9 || i - first == 9) break;
            value = value * 10 + digit;
        }
        if (i == first || i < end && !isZeroFraction(i, end)) return BAD;
        if (first > start) value = -value;
        return value < least || value > most ? BAD : value;
    }

    /** A local time as hhmm. */
    int clock(int column, int most) {
        int value = number(column, 0, most);
        return value > 0 && value % 100 >= 60 ? BAD : value;
    }

    private boolean isZeroFraction(int point, int end) {
        if (bytes[point] != '.') return false;
        for (int i = point + 1; i < end; i++) {
            if (bytes[i] != '0') return false;
        }
        return true;
    }

    /** The field's code among the values; 0 where it is missing or none of them. */
    int code(int column, Values values) {
        int start = start(column), end = end(column);
        return isMissing(start, end) ? 0 : values.code(bytes, start, end);
    }
}
