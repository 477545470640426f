import Testing

@testable import Deflate

@Suite("Inflate ratio")
struct InflateRatioTests {
    @Test(
        "a message may become 100 times as big, and always 64 KiB",
        arguments: [(0, 65_536), (1, 65_536), (655, 65_536), (656, 65_600), (Int.max, Int.max)])
    func limit(count: Int, limit: Int) {
        #expect(InflateRatio().limit(for: count) == limit)
    }
}
