import Testing

@testable import Bookkeeping

@Suite struct MemoryLedgerTests {
    private let ledger = MemoryLedger(workerCount: 3)

    @Test func `more than the limit is too much, until it is no more than the low mark`() {
        #expect(MemoryLedger.lowMark(of: 800) == 700)
        #expect(ledger.add(800, limit: 800) == nil)
        #expect(ledger.add(1, limit: 800) == .began)
        // Told once.
        #expect(ledger.add(100, limit: 800) == nil)
        #expect(ledger.isOverloaded)
        #expect(ledger.add(-200, limit: 800) == nil)
        #expect(ledger.isOverloaded, "below the limit, and above the mark")
        #expect(ledger.add(-1, limit: 800) == .ended)
        #expect(!ledger.isOverloaded)
        #expect(ledger.add(-1, limit: 800) == nil)
        #expect(ledger.held == 699)
    }

    @Test func `another limit is as good as other octets`() {
        #expect(ledger.add(1000, limit: 2000) == nil)
        #expect(ledger.add(0, limit: 900) == .began)
        #expect(ledger.add(0, limit: 2000) == .ended)
        #expect(ledger.add(0, limit: 900) == .began)
        #expect(ledger.add(0, limit: nil) == .ended)
        #expect(ledger.add(.max / 2, limit: nil) == nil)
    }

    @Test func `the largest of all go first, once everybody has looked`() {
        #expect(ledger.add(900, limit: 800) == .began)
        #expect(ledger.turn(of: 0, largest: 50) == .unknown)
        #expect(ledger.turn(of: 1, largest: 90) == .unknown)
        #expect(ledger.turn(of: 2, largest: 0) == .other(1))
        #expect(ledger.turn(of: 0, largest: 50) == .other(1))
        #expect(ledger.turn(of: 1, largest: 90) == .own)
        #expect(ledger.turn(of: 1, largest: 40) == .other(0))
        // Of those that hold as much either may go.
        #expect(ledger.turn(of: 1, largest: 50) == .own)
        #expect(ledger.turn(of: 0, largest: 50) == .own)
        // The next time it is another matter.
        #expect(ledger.add(-900, limit: 800) == .ended)
        #expect(ledger.add(900, limit: 800) == .began)
        #expect(ledger.turn(of: 0, largest: 50) == .unknown)
    }

    @Test func `what was done is counted`() {
        ledger.noteRefusedConnection()
        ledger.noteRefusedConnection()
        ledger.noteRefusedRequest()
        ledger.noteEndedConnection()
        #expect(
            ledger.measures
                == .init(refusedConnections: 2, refusedRequests: 1, endedConnections: 1))
    }
}
