import Clock
import HTTP
import JSON
import Testing

@testable import Console

@Suite struct DateTimeTextTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0), ("2026-11-21T02:00:00Z", 1_795_226_400, 0),
            ("2026-11-21t11:00:00+09:00", 1_795_226_400, 0),
            ("2026-11-20T21:30:00-04:30", 1_795_226_400, 0),
            ("1985-04-12T23:20:50.52Z", 482_196_050, 520_000_000),
            ("1996-12-19T16:39:57-08:00", 851_042_397, 0),
            // A leap second, and the longest fraction that counts.
            ("1990-12-31T23:59:60Z", 662_688_000, 0),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_173, 870_000_000),
            ("2000-02-29T00:00:00.1234567891Z", 951_782_400, 123_456_789),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("0000-03-01T00:00:00Z", -62_162_035_200, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
            ("2026-11-21T02:00:00-00:00", 1_795_226_400, 0),
        ])
    func `a date of RFC 3339 is a moment`(text: String, seconds: Int64, nanoseconds: Int32) {
        #expect(
            DateTimeText.parse(text) == WallTime(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(
        arguments: [
            "", "2026", "2026-11-21", "2026-11-21T02:00:00", "2026-11-21 02:00:00Z",
            "2026-11-21T02:00Z", "2026-11-21T02:00:00.Z", "2026-11-21T02:00:00+0900",
            "2026-11-21T02:00:00+9:00", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
            "2026-11-21T24:00:00Z", "2026-11-21T02:60:00Z", "2026-11-21T02:00:61Z",
            "2026-11-21T02:00:00+24:00", "2026-11-21T02:00:00+00:60", "2026-11-21T02:00:00ZZ",
            "26-11-21T02:00:00Z", "+2026-11-21T02:00:00Z", "2026-1 -21T02:00:00Z",
            "２０２６-11-21T02:00:00Z", "2026-11-00T02:00:00Z",
        ])
    func `anything else is none`(text: String) {
        #expect(DateTimeText.parse(text) == nil)
    }

    @Test func `every day of four centuries comes back as it was`() {
        for day in stride(from: -146_097, to: 200_000, by: 1) {
            let time = WallTime(seconds: Int64(day) * 86_400 + 3661)
            #expect(DateTimeText.parse(time.rfc3339()) == time)
        }
    }
}

@Suite struct QueryReaderTests {
    private let reader = QueryReader(
        schema: ObjectSchema([
            .init("name", .text(upTo: 20), ""), .init("limit", .integer(1...9), ""),
            .init("tag", .list(of: .word(["a", "b"]), count: 1...2), ""),
            .init("dry_run", .truth, "", fallback: false),
        ]))

    @Test(
        arguments: [
            ("", [:]), ("name=x", ["name": "x"]), ("name=a+b%20c", ["name": "a b c"]),
            ("name=%EC%A0%91%2B", ["name": "접+"]), ("name=a%3Db=c", ["name": "a=b=c"]),
            ("%6eame=x&&limit=3&", ["name": "x", "limit": .whole(3)]),
            ("tag=b&tag=a", ["tag": ["b", "a"]]), ("tag=a", ["tag": ["a"]]),
        ] as [(String, JSONObject)])
    func `parameters are read`(query: String, expected: JSONObject) throws {
        var expected = expected
        expected["dry_run"] = false
        #expect(try reader.read(query) == expected)
    }

    @Test(
        arguments: [
            ("nane=x", "Unknown parameter 'nane'"), ("=x", "Unknown parameter ''"),
            ("NAME=x", "Unknown parameter 'NAME'"),
            ("name=x&name=y", "The parameter 'name' occurs more than once"),
            ("name=", "Expected a text of 1 to 20 characters as parameter 'name'"),
            ("name", "Expected a text of 1 to 20 characters as parameter 'name'"),
            ("limit=0", "Expected a whole number from 1 to 9 as parameter 'limit'"),
            ("limit=ten", "Expected a whole number from 1 to 9 as parameter 'limit'"),
            ("tag=c", "Expected 'a' or 'b' as parameter 'tag'"),
            ("tag=a&tag=a&tag=a", "Expected a list of 1 to 2 values as parameter 'tag'"),
            ("dry_run=yes", "Expected true or false as parameter 'dry_run'"),
            ("name=%", "The target has a malformed percent-escape"),
            ("name=%4", "The target has a malformed percent-escape"),
            ("%zz=1", "The target has a malformed percent-escape"),
            ("name=%FF", "The target is not UTF-8"),
        ])
    func `what does not fit is named`(query: String, message: String) {
        #expect(throws: SchemaMismatch(message: message)) { try reader.read(query) }
    }
}

@Suite struct EntityTagsTests {
    private func read(_ values: [String]) throws -> EntityTags? {
        try EntityTags.read(Fields(values.map { ("If-Match", $0) }))
    }

    @Test(
        arguments: [
            ([], nil), (["*"], .any), (["\"1\""], .strong(["1"])), (["\"\""], .strong([""])),
            (["\"1\", \"2\"", "\"3\""], .strong(["1", "2", "3"])),
            (["W/\"1\",\"a,b\""], .strong(["a,b"])), ([", ,\"1\" ,"], .strong(["1"])),
            (["W/\"1\""], .strong([])),
        ] as [([String], EntityTags?)])
    func `If-Match is read`(values: [String], tags: EntityTags?) throws {
        #expect(try read(values) == tags)
    }

    @Test(
        arguments: [
            "", "1", "\"1", "1\"", "\"1\" \"2\"", "\"a b\"", "w/\"1\"", "W/", "W/1", "*,\"1\"",
            "\"1\"x", ",",
        ])
    func `what is no list of tags is refused`(value: String) {
        #expect(throws: EntityTags.Malformed.self) { try read([value]) }
    }

    @Test func `a tag has to be there`() {
        #expect(EntityTags.any.holds(for: "1"))
        #expect(!EntityTags.any.holds(for: nil))
        #expect(EntityTags.strong(["1", "2"]).holds(for: "2"))
        #expect(!EntityTags.strong(["1"]).holds(for: "2"))
        #expect(!EntityTags.strong([]).holds(for: nil))
    }

    @Test func `a tag can be sent if it holds neither quotes nor spaces`() {
        #expect(EntityTags.isLegal("a-1,%"))
        #expect(!EntityTags.isLegal("a\""))
        #expect(!EntityTags.isLegal("a b"))
        #expect(!EntityTags.isLegal("é"))
    }
}
