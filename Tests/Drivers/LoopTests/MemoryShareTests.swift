import Testing

@testable import Loop

@Suite struct MemoryShareTests {
    @Test func `a share is the sum of what each said last`() {
        var share = MemoryShare()
        var one = 0
        var other = 0
        share.count(100, insteadOf: &one)
        share.count(50, insteadOf: &other)
        share.count(70, insteadOf: &one)
        #expect((share.held, one, other) == (120, 70, 50))
        #expect(share.takeDifference() == 120)
        #expect(share.takeDifference() == 0)
        share.count(0, insteadOf: &one)
        #expect(share.takeDifference() == -70)
    }
}
