import Testing

@testable import Deflate

@Suite("Memory of contexts")
struct MemorySizeTests {
    @Test("a deflater takes no more than it says, and nearly that", arguments: 9...15, 1...9)
    func deflater(windowBits: Int, memoryLevel: Int) {
        let said = Deflater.memorySize(windowBits: windowBits, memoryLevel: memoryLevel)
        let taken = ZlibMemory.deflating(
            Sample.json.octets(100_000), windowBits: windowBits, memoryLevel: memoryLevel)
        // The object and the z_stream come on top of what zlib takes.
        #expect(taken + 512 <= said && said - taken < 4096 + said / 8, "\(said) for \(taken)")
    }

    @Test("an inflater takes no more than it says, and nearly that", arguments: 8...15)
    func inflater(windowBits: Int) {
        let said = Inflater.memorySize(windowBits: windowBits)
        let wire = deflated(Sample.json.octets(100_000))
        let taken = ZlibMemory.inflating(wire, windowBits: max(windowBits, 9))
        #expect(taken.after + 512 <= said && said - taken.after < 2048, "\(said) for \(taken)")
        // The window is not taken before it is needed.
        #expect(taken.after - taken.before >= 1 << windowBits)
    }

    @Test("the sizes that gateway.conf speaks of")
    func sizes() {
        #expect(Deflater.memorySize(windowBits: 15, memoryLevel: 8) == 286_720)
        #expect(Deflater.memorySize(windowBits: 11, memoryLevel: 4) == 25_600)
        #expect(Inflater.memorySize(windowBits: 15) == 40_960)
        #expect(Inflater.memorySize(windowBits: 11) == 10_240)
    }
}
