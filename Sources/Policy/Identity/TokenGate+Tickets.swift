package import Endings
package import HTTP
import Settings

extension TokenGate {
    /// The answer of a route with `ticket`: a one-time ticket for who was let in by this gate, as
    /// the `jwt` block of the token wants it. It stands for the token that the request brought.
    ///
    /// Throws `forbidden` when that block has no tickets, and what the book throws.
    package func issueTicket(
        for identity: VerifiedIdentity, _ fields: Fields, query: QueryString,
        _ circumstances: Circumstances
    ) throws(Refusal) -> String {
        guard let book = circumstances.tickets, let rule = rule(of: identity),
            rule.tickets != .off, let found = try? rule.finder.find(in: fields, query: query)
        else {
            throw Refusal(
                .forbidden, detail: "tickets",
                message: "This token cannot be exchanged for a ticket")
        }
        do throws(TicketBook.IssueError) {
            return try book.issue(
                found.token, of: identity, to: circumstances.address,
                isBound: rule.tickets == .boundToAddress,
                now: circumstances.now)
        } catch {
            throw error.refusal
        }
    }
}
