import Clock
import Testing

@testable import Upstreams

struct ServerWaitTests {
    private let start = Instant.zero

    @Test func `its time is counted from the first attempt, however often it tries`() {
        var wait = ServerWait()
        #expect(!wait.isActive)
        #expect(wait.deadline == .never)
        #expect(wait.begin(at: start, patience: .seconds(5)) == true)
        for second in 1...4 {
            let now = start + .seconds(second)
            #expect(wait.tryNow() == true)
            #expect(wait.tryNow() == false, "it is under way")
            #expect(wait.isActive)
            #expect(wait.begin(at: now, patience: .seconds(5)) == true)
        }
        #expect(wait.deadline == start + .seconds(5))
        #expect(wait.begin(at: start + .seconds(5), patience: .seconds(5)) == false)
    }

    @Test func `a place is waited for by its own time, and called for by its own word`() {
        var wait = ServerWait()
        #expect(wait.begin(at: start, patience: .seconds(5)) == true)
        #expect(!wait.isQueued)
        #expect(wait.tryNow(.full) == false)
        #expect(wait.tryNow() == true)
        let later = start + .seconds(4)
        #expect(wait.begin(at: later, patience: .seconds(3), for: .full) == true)
        #expect(wait.isQueued && !wait.isCalled)
        #expect(wait.deadline == start + .seconds(7))
        #expect(wait.tryNow() == false)
        #expect(wait.tryNow(.full) == true)
        #expect(wait.isCalled && !wait.isQueued)
        #expect(wait.begin(at: start + .seconds(6), patience: .seconds(3), for: .full) == true)
        #expect(
            wait.deadline == start + .seconds(7), "found taken, it has no more time than before")
        #expect(wait.begin(at: start + .seconds(7), patience: .seconds(3), for: .full) == false)
    }

    @Test func `it ends once, and what a broken connection makes it wait again is the same wait`() {
        var wait = ServerWait()
        #expect(wait.end() == false)
        #expect(wait.begin(at: start, patience: .seconds(5)) == true)
        #expect(wait.end() == true)
        #expect(wait.end() == false)
        #expect(wait.tryNow() == false)
        #expect(!wait.isActive)
        #expect(wait.begin(at: start + .seconds(1), patience: .seconds(5)) == true)
        #expect(wait.deadline == start + .seconds(5))
    }
}
