package contenders;

/** The path of a row, from its bytes to those of its prediction. One for each thread. */
final class Scoring {
    private static final Values CARRIERS = new Values(Forest.UniqueCarrierValues);
    private static final Values ORIGINS = new Values(Forest.OriginValues);
    private static final Values DESTINATIONS = new Values(Forest.DestValues);

    private static final byte[] POSITIVE = start(Forest.POSITIVE);
    private static final byte[] NEGATIVE = start(Forest.NEGATIVE);
    private static final byte[] SECOND = Json.ascii(",\"" + Forest.POSITIVE + "\":");
    private static final byte[] DATE = Json.ascii("},\"threshold\":" + Forest.THRESHOLD + ",\"flight\":{\"date\":");
    private static final byte[] CARRIER = Json.ascii(",\"carrier\":");
    private static final byte[] NUMBER = Json.ascii(",\"number\":");
    private static final byte[] ORIGIN = Json.ascii(",\"origin\":");
    private static final byte[] DESTINATION = Json.ascii(",\"destination\":");
    private static final byte[] DEPARTURE = Json.ascii(",\"scheduled_departure\":");
    private static final byte[] MODEL =
            Json.ascii("},\"model\":{\"name\":\"" + Forest.MODEL + "\",\"sha256\":\"" + Forest.SHA256 + "\"}");

    /** More than what stands beside the fields, which are at most as long as the row, and six times that if escaped. */
    private static final int ROOM = 1024;

    private final Row row = new Row();
    private final Json json = new Json();

    private static byte[] start(String label) {
        return Json.ascii("{\"label\":\"" + label + "\",\"probabilities\":{\"" + Forest.NEGATIVE + "\":");
    }

    /** The start of where a prediction is from, up to the offset. */
    static byte[] source(String topic, int partition) {
        return Json.ascii(",\"source\":{\"topic\":\"" + topic + "\",\"partition\":" + partition + ",\"offset\":");
    }

    /**
     * The prediction for a row, or null where it cannot be scored. Without a source it does not say where it is from.
     */
    byte[] score(byte[] value, int from, int length, byte[] source, long offset) {
        if (!row.read(value, from, length)) return null;
        int year = row.number(Row.YEAR, 1987, 2100);
        int month = row.number(Row.MONTH, 1, 12);
        int day = row.number(Row.DAY_OF_MONTH, 1, 31);
        int weekday = row.number(Row.DAY_OF_WEEK, 1, 7);
        int departure = row.clock(Row.CRS_DEP_TIME, 2400);
        if (year == Row.BAD || month == Row.BAD || day == Row.BAD || weekday == Row.BAD || departure == Row.BAD) {
            return null;
        }
        double margin = Forest.margin(
                feature(year), feature(month), feature(day), feature(weekday), feature(departure),
                row.code(Row.UNIQUE_CARRIER, CARRIERS), row.code(Row.ORIGIN, ORIGINS), row.code(Row.DEST, DESTINATIONS));
        double positive = 1.0 / (1.0 + Math.exp(-margin));

        json.clear(ROOM + 6 * length);
        prediction(positive);
        flight(year, month, day, departure);
        json.raw(MODEL);
        if (source != null) {
            json.raw(source);
            json.number(offset);
            json.raw('}');
        }
        json.raw('}');
        return json.copy();
    }

    // Methods of moderate size: what is inlined into a very large one, the compiler leaves half done.

    private void prediction(double positive) {
        json.raw(positive >= Forest.THRESHOLD ? POSITIVE : NEGATIVE);
        json.probability(1.0 - positive);
        json.raw(SECOND);
        json.probability(positive);
    }

    private void flight(int year, int month, int day, int departure) {
        json.raw(DATE);
        date(year, month, day);
        json.raw(CARRIER);
        json.field(row, Row.UNIQUE_CARRIER);
        json.raw(NUMBER);
        json.field(row, Row.FLIGHT_NUM);
        json.raw(ORIGIN);
        json.field(row, Row.ORIGIN);
        json.raw(DESTINATION);
        json.field(row, Row.DEST);
        json.raw(DEPARTURE);
        time(departure);
    }

    private static double feature(int number) {
        return number == Row.MISSING ? Double.NaN : number;
    }

    private void date(int year, int month, int day) {
        if (year == Row.MISSING || month == Row.MISSING || day == Row.MISSING) {
            json.nothing();
            return;
        }
        json.raw('"');
        json.twoDigits(year / 100);
        json.twoDigits(year % 100);
        json.raw('-');
        json.twoDigits(month);
        json.raw('-');
        json.twoDigits(day);
        json.raw('"');
    }

    private void time(int hhmm) {
        if (hhmm == Row.MISSING) {
            json.nothing();
            return;
        }
        json.raw('"');
        json.twoDigits(hhmm / 100);
        json.raw(':');
        json.twoDigits(hhmm % 100);
        json.raw('"');
    }
}
