internal import TLS

/// The one buffer of a worker that received octets pass through. Its content stays until the next
/// `receive`; octets that are needed longer have to be copied.
@safe
package final class ReadBuffer {
    /// What one read of a TLS stream may decrypt to; plain streams read as much at once.
    package static let capacity = TLSEngine.plaintextCapacity

    // Owned: allocated in `init`, freed in `deinit`.
    private let memory: UnsafeMutablePointer<UInt8>
    private var filledCount = 0

    package init() {
        // Freed in `deinit`; initialised so that a span never shows foreign memory.
        unsafe memory = .allocate(capacity: Self.capacity)
        unsafe memory.initialize(repeating: 0, count: Self.capacity)
    }

    deinit {
        // The allocation of `init`.
        unsafe memory.deallocate()
    }

    /// How many octets were received last.
    package var count: Int { filledCount }

    /// The octets received last.
    package var octets: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            // `filledCount` is at most `capacity`, and the memory lives as long as this object.
            let span = unsafe Span(_unsafeStart: memory, count: filledCount)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Lets `fill` write into the whole buffer; it answers how many octets are valid now.
    func fill(_ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        // The closure stays within the memory it is shown.
        let area = unsafe UnsafeMutableRawBufferPointer(start: memory, count: Self.capacity)
        filledCount = unsafe min(Self.capacity, max(0, fill(area)))
    }
}
