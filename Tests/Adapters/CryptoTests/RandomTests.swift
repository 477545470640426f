import Crypto
import Testing

@Suite("Random octets")
struct RandomTests {
    @Test("as many octets as asked for", arguments: [0, 1, 16, 1000])
    func count(count: Int) throws {
        #expect(try Random.octets(count).count == count)
    }

    @Test("about half of all bits are set, and no two draws are alike")
    func distribution() throws {
        let octets = try Random.octets(64 * 1024)
        let bits = octets.reduce(0) { $0 + $1.nonzeroBitCount }
        // Half of 524 288, give or take ten standard deviations.
        #expect((258_524...265_764).contains(bits))
        #expect(try Random.octets(16) != Random.octets(16))
    }

    @Test("every octet is overwritten sooner or later")
    func fill() throws {
        var changed = [Bool](repeating: false, count: 40)
        for _ in 0..<20 {
            var octets = [UInt8](repeating: 0, count: 40)
            try Random.fill(&octets)
            for index in octets.indices where octets[index] != 0 { changed[index] = true }
        }
        #expect(changed.allSatisfy { $0 })
    }

    @Test("identifiers are 26 plain characters and differ, across many refills of the pool")
    func identifiers() throws {
        var pool = RandomPool()
        var seen: Set<String> = []
        var characters: Set<Character> = []
        for _ in 0..<5000 {
            let identifier = try pool.identifier()
            #expect(identifier.utf8.count == 26)
            seen.insert(identifier)
            characters.formUnion(identifier)
        }
        #expect(seen.count == 5000)
        #expect(characters == Set("0123456789abcdefghjkmnpqrstvwxyz"))
    }

    @Test("128 bits in 26 characters: the last one holds the three bits that are left")
    func lastCharacter() throws {
        var pool = RandomPool()
        var lasts: Set<Character> = []
        for _ in 0..<500 { lasts.formUnion(try pool.identifier().suffix(1)) }
        #expect(lasts == Set("048cgmrw"))
    }

    @Test("integers use all their bits")
    func integers() throws {
        var pool = RandomPool()
        var some: UInt64 = 0
        var all = UInt64.max
        for _ in 0..<300 {
            let integer = try pool.integer()
            some |= integer
            all &= integer
        }
        #expect(some == .max && all == 0)
    }
}
