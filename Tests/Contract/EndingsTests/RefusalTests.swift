import Endings
import Testing

/// What a refusal says, and what it does not say where a step has not said it.
@Suite struct RefusalTests {
    private static let sent = Refusal(
        .rateLimited, detail: "rate", message: "Too many requests", retryAfterSeconds: 3)

    @Test func `a refusal says nothing that it was not told`() {
        let bare = Refusal(.policy, message: "No")
        #expect(bare.challenge == nil && bare.login == nil && bare.notice == nil)
        #expect(bare.allow.isEmpty && !bare.isFailedAttempt)
    }

    @Test func `the finest word is the detail, or else the reason`() {
        #expect(Self.sent.word == "rate")
        #expect(Refusal(.rateLimited, message: "No").word == "rate_limited")
    }

    @Test func `a method that is not served is answered with those that are`() {
        let refusal = Refusal.notAllowed(allow: ["GET", "HEAD"])
        #expect(refusal.status == 405 && refusal.reason == .policy)
        #expect(refusal.allow == ["GET", "HEAD"])
        #expect(Refusal.notAllowed("No TRACE here", allow: []).message == "No TRACE here")
    }

    @Test func `counting an attempt changes nothing else`() {
        var counted = Self.sent.asFailedAttempt
        #expect(counted.isFailedAttempt && counted != Self.sent)
        counted.isFailedAttempt = false
        #expect(counted == Self.sent)
    }

    @Test func `a notice comes back only when it says so`() {
        let object = Array(#"{"type":"connection_rejected"}"#.utf8)
        let notice = Refusal.Notice(event: "connection_rejected", object: object)
        #expect(notice.retryMilliseconds == nil && notice.object == object)
        var refusal = Refusal(.connectionRejected, message: "No more devices may be connected")
        refusal.notice = notice
        let same = refusal
        refusal.notice?.retryMilliseconds = 5000
        #expect(refusal != same)
    }

    @Test func `each part of a refusal is a part of what it is`() {
        let changes: [(inout Refusal) -> Void] = [
            { $0.challenge = "Bearer" }, { $0.allow = ["GET"] }, { $0.login = "/login" },
            { $0.notice = Refusal.Notice(event: "force_disconnect", object: []) },
            { $0.isFailedAttempt = true }, { $0.retryAfterSeconds = 4 }, { $0.detail = nil },
        ]
        for (index, change) in changes.enumerated() {
            var other = Self.sent
            change(&other)
            #expect(other != Self.sent, "\(index)")
        }
    }
}
