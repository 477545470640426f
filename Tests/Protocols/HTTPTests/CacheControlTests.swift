import HTTP
import Testing

/// RFC 9111.
@Suite struct CacheControlTests {
    private func freshSeconds(_ pairs: [(name: String, value: String)]) -> Int? {
        CacheControl.freshSeconds(Fields(pairs))
    }

    @Test(
        arguments: [
            ("max-age=600", 600), ("MAX-AGE=600", 600), ("public, max-age=600", 600),
            ("public,max-age=600,must-revalidate", 600), (" max-age=600 ", 600),
            ("max-age=\"600\"", 600), ("max-age=0", 0), ("max-age=600, max-age=5", 600),
            ("max-age=99999999999999999999", 1 << 31),
            // Directives in quotes are none.
            ("private=\"a, max-age=5\", max-age=600", 600), ("x=\"\\\", max-age=5\"", nil),
            ("s-maxage=600", nil), ("public", nil), ("", nil), (",, ,", nil), ("=5", nil),
            ("max age=5", nil),
            // What makes no sense is not trusted.
            ("max-age", 0), ("max-age=", 0), ("max-age=-1", 0), ("max-age=1.5", 0),
            ("max-age=x, max-age=600", 0),
            ("no-store", 0), ("no-cache, max-age=600", 0), ("max-age=600, no-store", 0),
            ("No-Cache=\"set-cookie\"", 0), ("no-storex, max-age=600", 600),
        ] as [(String, Int?)])
    func `how long a response is fresh`(value: String, seconds: Int?) {
        #expect(freshSeconds([("Cache-Control", value)]) == seconds)
    }

    @Test(
        arguments: [
            ("100", 500), ("0", 600), ("600", 0), ("601", 0), ("-1", 600), ("x", 600), ("", 600),
        ])
    func `the time in other caches counts`(age: String, seconds: Int) {
        #expect(freshSeconds([("Age", age), ("Cache-Control", "max-age=600")]) == seconds)
    }

    @Test func `several lines are one list, and other fields say nothing`() {
        let lines = [
            (name: "Expires", value: "0"), (name: "cache-control", value: "public"),
            (name: "CACHE-CONTROL", value: "max-age=60"),
        ]
        #expect(freshSeconds(lines) == 60)
        #expect(freshSeconds([("Expires", "0"), ("Age", "5"), ("Pragma", "no-cache")]) == nil)
    }
}
