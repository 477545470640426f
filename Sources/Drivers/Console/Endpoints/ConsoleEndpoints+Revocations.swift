import Bytes
import Clock
import Endings
import HTTP
import Identity
import JSON

/// What is believed no more, of what was said at run time.
extension ConsoleEndpoints {
    static func revocations(
        _ backend: any ConsoleBackend, wallTime: @escaping @Sendable () -> WallTime
    ) -> [Endpoint] {
        [revoke(backend, wallTime), list(backend), withdraw(backend)]
    }

    private static func revoke(
        _ backend: any ConsoleBackend, _ wallTime: @escaping @Sendable () -> WallTime
    ) -> Endpoint {
        Endpoint(
            method: .post, path: "/revocations", name: "revoke",
            summary: "Believe a token, a user's tokens or all older tokens no more, and end the"
                + " connections that live on them",
            body: .named(
                "RevocationOrder",
                .object(RevocationText.schema(adding: [RevocationText.forgetAfter]))),
            answers: [
                .json(
                    200, "It is on the list now",
                    .object(
                        ObjectSchema([
                            .init(
                                "revoked", RevocationText.entry, "What was added",
                                isRequired: true),
                            .init(
                                "ended", .count, "Live connections that were told to end",
                                isRequired: true),
                        ]))),
                .problem(422, "No `jwt` block has the name of the rule"),
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

    private static func list(_ backend: any ConsoleBackend) -> Endpoint {
        Endpoint(
            method: .get, path: "/revocations", name: "revocations",
            summary: "What was revoked at run time (what files say is not among it)",
            query: RevocationPage.query,
            answers: [.json(200, "A page of the list", RevocationPage.schema)]
        ) { request, responder in
            responder.respond(RevocationPage.answer(to: request, of: backend.revocations()))
        }
    }

    private static func withdraw(_ backend: any ConsoleBackend) -> Endpoint {
        Endpoint(
            method: .delete, path: "/revocations", name: "withdrawRevocation",
            summary: "Take an entry of the list back; the date of one with `before` does not"
                + " matter",
            query: RevocationText.schema(),
            answers: [
                .empty(204, "It is on the list no more"), .problem(404, "It was not on the list"),
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
                            Refusal(.policy, status: 404, message: "This is not on the list"))
                }
            }
        }
    }
}
