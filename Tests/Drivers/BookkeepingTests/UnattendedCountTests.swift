import Testing

@testable import Bookkeeping

@Suite struct UnattendedCountTests {
    @Test func `what is finished for nobody is counted as long as it lasts`() {
        let count = UnattendedCount()
        var lease: UnattendedLease? = UnattendedLease(count)
        #expect(count.value == 1)
        withExtendedLifetime(lease) {}
        lease = nil
        #expect(count.value == 0)
    }
}
