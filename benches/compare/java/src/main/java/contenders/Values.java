package contenders;

import java.nio.charset.StandardCharsets;

/** The values of a category and their codes, from 1: a hash table of up to seven bytes and their number in one long. */
final class Values {
    private static final int MOST_BYTES = 7;
    private static final long MIX = 0x9E3779B97F4A7C15L;

    private final long[] keys;
    private final int[] codes;
    private final int shift;

    Values(String[] values) {
        int bits = 33 - Integer.numberOfLeadingZeros(values.length * 2);
        keys = new long[1 << bits];
        codes = new int[1 << bits];
        shift = 64 - bits;
        for (int i = 0; i < values.length; i++) {
            byte[] bytes = values[i].getBytes(StandardCharsets.UTF_8);
            if (bytes.length == 0 || bytes.length > MOST_BYTES) {
                throw new IllegalArgumentException("the value \"" + values[i] + "\" does not fit into a key");
            }
            int slot = slot(key(bytes, 0, bytes.length));
            keys[slot] = key(bytes, 0, bytes.length);
            codes[slot] = i + 1;
        }
    }

    int code(byte[] bytes, int start, int end) {
        return end - start > MOST_BYTES ? 0 : codes[slot(key(bytes, start, end))];
    }

    /** Never 0, which is an empty slot: there is at least one byte, and their number is in it. */
    private static long key(byte[] bytes, int start, int end) {
        long key = end - start;
        for (int i = start; i < end; i++) {
            key = key << 8 | bytes[i] & 0xff;
        }
        return key;
    }

    /** Where the key is, or would be. */
    private int slot(long key) {
        int slot = (int) (key * MIX >>> shift);
        while (keys[slot] != key && keys[slot] != 0) {
            slot = slot + 1 & keys.length - 1;
        }
        return slot;
    }
}
