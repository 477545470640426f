import State
import Testing

@Suite struct HandoverTests {
    @Test func `what is given before it is waited for is there`() throws {
        let handover = try Handover<Int>()
        handover.give(7)
        #expect(try handover.wait() == 7)
    }

    @Test func `what is given in time is there, and nobody is waited for longer`() throws {
        let handover = try Handover<Int>()
        #expect(try handover.wait(atMost: .zero) == nil)
        handover.give(7)
        #expect(try handover.wait(atMost: .zero) == 7)
        #expect(try handover.wait(atMost: .milliseconds(1)) == nil)
    }
}
