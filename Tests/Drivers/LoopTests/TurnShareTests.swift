import Testing

@testable import Loop

/// Whose input waits for a later turn, and in which order they have theirs.
@Suite struct TurnShareTests {
    /// The members that may go on at the end of a turn, each of which inflates to `size` octets.
    private func resume(_ share: inout TurnShare, heavySize size: Int) -> [UInt64] {
        var resumed = share.takeLight()
        let waiting = share.heavyCount
        var done = 0
        while done < waiting, let token = share.heavy(done) {
            resumed.append(token)
            share.rest -= size
            done += 1
        }
        share.resumed(heavy: done)
        return resumed
    }

    @Test func `light input goes on first, and all of it`() {
        var share = TurnShare()
        share.resumeLater(1, isLight: false)
        share.resumeLater(2, isLight: true)
        share.resumeLater(3, isLight: true)
        #expect(share.hasHeld)
        #expect(resume(&share, heavySize: 1) == [2, 3, 1])
        #expect(!share.hasHeld)
        #expect(resume(&share, heavySize: 1) == [])
    }

    @Test func `heavy input goes on in its order until the turn has done enough`() {
        var share = TurnShare()
        for token in 1...4 as ClosedRange<UInt64> { share.resumeLater(token, isLight: false) }
        #expect(resume(&share, heavySize: TurnShare.size / 2) == [1, 2])
        #expect(share.rest == 0)
        #expect(share.hasHeld)
        share.begin()
        #expect(share.rest == TurnShare.size)
        #expect(resume(&share, heavySize: TurnShare.size) == [3])
        share.begin()
        #expect(resume(&share, heavySize: TurnShare.size) == [4])
    }

    @Test func `who waits is not overtaken by who comes`() {
        var share = TurnShare()
        #expect(share.allowsHeavyInput)
        share.resumeLater(1, isLight: false)
        #expect(!share.allowsHeavyInput)
        _ = share.takeLight()
        #expect(share.allowsHeavyInput)
        share.resumed(heavy: 1)
        #expect(share.allowsHeavyInput)
    }

    @Test func `nobody may go on when the turn is used up`() {
        var share = TurnShare()
        share.rest = -5
        #expect(!share.allowsHeavyInput)
        share.resumeLater(1, isLight: false)
        _ = share.takeLight()
        #expect(share.heavy(0) == nil)
        #expect(!share.allowsHeavyInput)
        share.resumed(heavy: 0)
        #expect(share.hasHeld)
    }
}
