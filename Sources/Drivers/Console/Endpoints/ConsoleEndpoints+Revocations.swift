import Bytes
import Clock
import Endings
import HTTP
import Identity
import JSON

/// The revocations that were made at run time.
extension ConsoleEndpoints {
    static func revocations(
        _ backend: any ConsoleBackend, wallTime: @escaping @Sendable () -> WallTime
    ) -> [ConsoleEndpoint] {
        [revoke(backend, wallTime), list(backend), withdraw(backend)]
    }

    private static func revoke(
        _ backend: any ConsoleBackend, _ wallTime: @escaping @Sendable () -> WallTime
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .post, path: "/revocations", name: "revoke",
            summary: "Revoke a token, all tokens of a user or all older tokens, and end the live"
                + " connections that use them",
            body: .named(
                "RevocationOrder",
                .object(RevocationText.schema(adding: [RevocationText.forgetAfter]))),
            answers: [
                .json(
                    200, "The entry is on the list",
                    .object(
                        ObjectSchema([
                            .init(
                                "revoked", RevocationText.entry, "The entry that was added",
                                isRequired: true),
                            .init(
                                "ended", .count, "How many live connections were told to end",
                                isRequired: true),
                        ]))),
                .problem(422, "There is no `jwt` block of the name in `rule`"),
                .problem(507, "The list, or the disk, is full"), .cannotKeep,
            ]
        ) { request, responder in
            guard let order = request.body?.object,
                let revocation = RevocationText.revocation(order, now: wallTime())
            else { return responder.respond(.problem(RevocationText.misread)) }
            backend.revoke(revocation) { result in
                responder.respond(result) { answer(to: revocation, $0) }
            }
        }
    }

    private static func answer(
        to revocation: Revocation, _ outcome: RevokeOutcome
    ) -> ConsoleResponse {
        switch outcome {
        case .done(let ended):
            .json(
                200, ["revoked": RevocationText.document(revocation), "ended": .whole(ended)])
        case .unknownRule:
            .problem(
                Refusal(
                    .invalidPayload, status: 422,
                    message: "There is no jwt block \((revocation.rule ?? "").quoted)"))
        case .full:
            .problem(
                Refusal(
                    .overloaded, status: 507,
                    message: "The list of revocations is full; nothing was added"))
        }
    }

    private static func list(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/revocations", name: "revocations",
            summary: "List what was revoked through the console (entries of files are not listed)",
            query: RevocationPage.query,
            answers: [.json(200, "One page of the list", RevocationPage.schema)]
        ) { request, responder in
            responder.respond(RevocationPage.answer(to: request, of: backend.revocations()))
        }
    }

    private static func withdraw(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: "/revocations", name: "withdrawRevocation",
            summary: "Remove an entry from the list; the date in `before` does not matter",
            query: RevocationText.schema(),
            answers: [
                .empty(204, "The entry is removed"), .problem(404, "The entry is not on the list"),
                .noRoom, .cannotKeep,
            ]
        ) { request, responder in
            guard
                let revocation = RevocationText.revocation(
                    request.query, now: WallTime(seconds: 0))
            else { return responder.respond(.problem(RevocationText.misread)) }
            backend.withdraw(revocation) { result in
                responder.respond(result) { wasThere in
                    wasThere
                        ? .empty()
                        : .problem(
                            Refusal(
                                .policy, status: 404, message: "There is no such entry on the list")
                        )
                }
            }
        }
    }
}
