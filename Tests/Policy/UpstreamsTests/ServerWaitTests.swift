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
