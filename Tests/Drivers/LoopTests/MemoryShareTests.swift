import Testing

@testable import Loop

@Suite struct MemoryShareTests {
    @Test func `a share is the sum of what each said last`() {
        var share = MemoryShare()
        share.count(100, insteadOf: 0)
        share.count(50, insteadOf: 0)
        share.count(70, insteadOf: 100)
        #expect(share.held == 120)
        #expect(share.takeDifference() == 120)
        #expect(share.takeDifference() == 0)
        share.count(0, insteadOf: 70)
        #expect(share.takeDifference() == -70)
    }
}
