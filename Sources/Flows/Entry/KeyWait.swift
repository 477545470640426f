package import Clock
package import Endings

/// What a token waits for whose key is not there.
package struct KeyWait: Sendable {
    /// What is said when the key does not come.
    package var refusal: Refusal
    /// When the source that might have it begins to be read.
    package var start: Instant
    /// When it is read at the latest.
    package var deadline: Instant

    package init(refusal: Refusal, start: Instant, deadline: Instant) {
        self.refusal = refusal
        self.start = start
        self.deadline = deadline
    }

    /// As of somebody who has waited before, and will not wait longer for that; nil when what is
    /// read after that comes too late.
    package func within(_ deadline: Instant?) -> KeyWait? {
        guard let deadline else { return self }
        guard start < deadline else { return nil }
        var wait = self
        wait.deadline = min(wait.deadline, deadline)
        return wait
    }
}
