package import Endings
import Settings

extension TokenGate {
    /// The answer of a route with `ticket`: a one-time ticket for who was let in by this gate, as
    /// the `jwt` block of the token wants it.
    ///
    /// Throws `forbidden` when that block has no tickets, and what the book throws.
    package func issueTicket(
        for identity: VerifiedIdentity, _ circumstances: Circumstances
    ) throws(Refusal) -> String {
        guard let book = circumstances.tickets, let kind = tickets(of: identity), kind != .off
        else {
            throw Refusal(
                .forbidden, detail: "tickets", message: "There are no tickets for this token")
        }
        do throws(TicketBook.IssueError) {
            return try book.issue(
                identity, to: circumstances.address, isBound: kind == .boundToAddress,
                now: circumstances.now)
        } catch {
            throw error.refusal
        }
    }
}
