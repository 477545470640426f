import Randomness
import Testing

@testable import Proxy

@Suite struct SlabTests {
    @Test func `things are found by the token they were given`() {
        var slab = Slab<String>()
        var told: [UInt64] = []
        let tokens = ["a", "b", "c"].map { name in
            slab.insert { token in
                told.append(token)
                return name
            }
        }
        #expect(told == tokens)
        #expect(Set(tokens).count == 3)
        #expect(tokens.map { slab[$0] } == ["a", "b", "c"])
        #expect(slab.count == 3)
        #expect(slab.elements == ["a", "b", "c"])
    }

    @Test func `a token of what is gone finds nothing, also when its place is taken again`() {
        var slab = Slab<String>()
        let first = slab.insert { _ in "first" }
        slab.remove(first)
        #expect(slab[first] == nil)
        #expect(slab.count == 0)
        let second = slab.insert { _ in "second" }
        #expect(second != first)
        // The place is the same, so that many connections one after the other need no more.
        #expect(second & 0xFFFF_FFFF == first & 0xFFFF_FFFF)
        #expect(slab[first] == nil)
        #expect(slab[second] == "second")
        slab.remove(first)
        #expect(slab[second] == "second")
        slab.remove(second)
        slab.remove(second)
        #expect(slab.count == 0)
        #expect(slab.elements.isEmpty)
    }

    @Test(arguments: [0, 5, 1 << 32, UInt64.max])
    func `a token nobody was given finds nothing`(token: UInt64) {
        var slab = Slab<Int>()
        #expect(slab[token] == nil)
        slab.remove(token)
        _ = slab.insert { _ in 1 }
        #expect(slab[token] == (token == 0 ? 1 : nil))
    }

    @Test func `an element that cannot be made takes no place`() {
        struct Refused: Error {}
        var slab = Slab<Int>()
        let kept = slab.insert { _ in 1 }
        let gone = slab.insert { _ in 2 }
        slab.remove(gone)
        #expect(throws: Refused.self) { try slab.insert { _ in throw Refused() } }
        #expect(slab.count == 1)
        let next = slab.insert { _ in 3 }
        #expect(slab[kept] == 1)
        #expect(slab[next] == 3)
        #expect(slab.elements == [1, 3])
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `it agrees with a dictionary`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var slab = Slab<Int>()
        var expected: [UInt64: Int] = [:]
        var gone: [UInt64] = []
        for number in 0..<2_000 {
            if Int.random(in: 0..<3, using: &random) > 0 || expected.isEmpty {
                let token = slab.insert { _ in number }
                #expect(expected.updateValue(number, forKey: token) == nil)
                #expect(!gone.contains(token))
            } else if let token = expected.keys.sorted().randomElement(using: &random) {
                slab.remove(token)
                expected[token] = nil
                gone.append(token)
            }
            #expect(slab.count == expected.count)
        }
        for (token, number) in expected { #expect(slab[token] == number) }
        for token in gone { #expect(slab[token] == nil) }
        #expect(slab.elements.sorted() == expected.values.sorted())
    }
}
