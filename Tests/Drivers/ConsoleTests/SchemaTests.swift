import JSON
import Testing

@testable import Console

/// What is wrong with `text`; nil when it fits.
private func objection(to text: String, _ schema: Schema) throws -> String? {
    let value = try value(text)
    do throws(SchemaMismatch) {
        _ = try SchemaCheck().check(value, schema)
        return nil
    } catch {
        return error.message
    }
}

private func value(_ text: String) throws -> JSONValue { try JSONValue.decode(text.utf8.span) }

private let thing = Schema.object(
    ObjectSchema([
        .init("size", .integer(0...10), "", isRequired: true),
        .init("color", .word(["red", "blue"]), ""),
        .init(
            "parts", .list(of: .object(ObjectSchema([.init("id", .truth, "")])), count: 0...2), ""),
        .init("mode", .text(upTo: 3), "", fallback: "abc"),
    ]))

private let order = Schema.object(
    ObjectSchema(
        [
            .init("a", .truth, ""), .init("b", .truth, ""), .init("c", .truth, ""),
            .init("common", .truth, ""),
        ],
        forms: [
            .init(required: ["a"]), .init(required: ["b"]),
            .init(required: ["c"], optional: ["b"]),
        ]))

@Suite struct SchemaTests {
    @Test(
        arguments: [
            (Schema.text(upTo: 3), #""abc""#), (.text(upTo: 3), #""접속가""#),
            (.text(upTo: 1), #""\ud83d\ude00""#), (.text(TextRule(length: 0...1)), #""""#),
            (.word(["a", ""]), #""""#), (.integer(1...3), "1"), (.integer(1...3), "3"),
            (.integer(1...3000), "3e3"), (.integer(0...3), "1.0"), (.integer(-1...0), "-1"),
            (.number(0...1), "0.5"), (.number(0...1), "1"), (.truth, "false"), (.null, "null"),
            (.anything, #"{"a":[1,{"b":null}]}"#), (.list(of: .truth, count: 0...2), "[]"),
            (.list(of: .truth, count: 0...2), "[true,false]"),
            (.either([.truth, .null]), "null"), (.named("T", .truth), "true"),
            (.dateTime, #""2026-11-21T02:00:00Z""#), (thing, #"{"size":1}"#),
            (thing, #"{"color":"red","size":0,"parts":[{"id":true},{}]}"#),
            (order, #"{"a":true}"#), (order, #"{"b":true,"common":true}"#),
            (order, #"{"c":true}"#), (order, #"{"b":true,"c":true}"#),
        ])
    func `what fits, fits`(schema: Schema, text: String) throws {
        #expect(try objection(to: text, schema) == nil)
    }

    @Test(
        arguments: [
            (Schema.text(upTo: 3), #""abcd""#, "a text of 1 to 3 characters"),
            (.text(upTo: 3), #""""#, "a text of 1 to 3 characters"),
            (.text(upTo: 3), "1", "a text of 1 to 3 characters"),
            (.word(["a", "b"]), #""c""#, "'a' or 'b'"), (.word(["a"]), #""A""#, "'a'"),
            // What merely looks the same is not the same.
            (.word(["\u{E9}"]), #""e\u0301""#, "'\u{E9}'"),
            (.integer(1...3), "0", "a whole number from 1 to 3"),
            (.integer(1...3), "4", "a whole number from 1 to 3"),
            (.integer(1...3), "1.5", "a whole number from 1 to 3"),
            (.integer(1...3), #""1""#, "a whole number from 1 to 3"),
            (.integer(0...Int64.max), "1e30", "a whole number from 0 to 9223372036854775807"),
            (.integer(0...Int64.max), "1e999", "a whole number from 0 to 9223372036854775807"),
            (.integer(0...1), "-0.1", "a whole number from 0 to 1"),
            (.number(0...1), "1.1", "a number from 0 to 1"),
            (.number(0...1), "1e999", "a number from 0 to 1"), (.truth, "1", "true or false"),
            (.null, "false", "null"),
            (.list(of: .truth, count: 1...2), "[]", "a list of 1 to 2 values"),
            (.list(of: .truth, count: 1...2), "[true,true,true]", "a list of 1 to 2 values"),
            (.either([.truth, .null]), "1", "true or false or null"), (thing, "[]", "an object"),
            (.dateTime, #""2026-11-21T02:00:00""#, "a date and time as in RFC 3339"),
        ])
    func `what does not fit says what is expected`(
        schema: Schema, text: String, expected: String
    ) throws {
        #expect(try objection(to: text, schema) == "Expected \(expected) as the body")
    }

    @Test(
        arguments: [
            (thing, #"{}"#, "Missing member 'size'"),
            (thing, #"{"size":1,"sise":2}"#, "Unknown member 'sise'"),
            (thing, #"{"size":1,"parts":[{"id":true},{"idx":1}]}"#, "Unknown member 'idx'"),
            (thing, #"{"size":11}"#, "Expected a whole number from 0 to 10 as member 'size'"),
            (
                thing, #"{"size":1,"mode":null}"#,
                "Expected a text of 1 to 3 characters as member 'mode'"
            ),
            (thing, #"{"size":1,"parts":[1]}"#, "Expected an object as member 'parts'[0]"),
            (thing, #"{"size":1,"":1}"#, "Unknown member ''"),
            (
                order, #"{}"#,
                "Expected exactly one of: 'a'; 'b'; 'c' (with or without 'b')"
            ),
            (
                order, #"{"a":true,"b":true}"#,
                "Expected exactly one of: 'a'; 'b'; 'c' (with or without 'b')"
            ),
            (
                order, #"{"common":true}"#,
                "Expected exactly one of: 'a'; 'b'; 'c' (with or without 'b')"
            ),
        ])
    func `what is wrong in an object is named`(
        schema: Schema, text: String, message: String
    ) throws {
        #expect(try objection(to: text, schema) == message)
    }

    @Test func `a name that is too long to be repeated is cut`() throws {
        let name = String(repeating: "x", count: 1000)
        let expected = "Unknown member '\(String(repeating: "x", count: 64))…'"
        #expect(try objection(to: #"{"size":1,"\#(name)":1}"#, thing) == expected)
    }

    @Test func `what is not there has its fallback, and whole numbers are spelt as such`() throws {
        let checked = try SchemaCheck().check(try value(#"{"size":1e1}"#), thing)
        #expect(checked == ["size": .whole(10), "mode": "abc"])
    }

    @Test(
        arguments: [
            (Schema.text(upTo: 9), "7", JSONValue.string("7")), (.integer(0...9), "7", .whole(7)),
            (.integer(0...9), "+7", nil), (.integer(0...9), " 7", nil),
            (.integer(0...9), "7 ", nil),
            (.integer(0...9), "07", nil), (.integer(0...9), "", nil), (.integer(0...9), "x", nil),
            (.truth, "true", true), (.truth, "false", false), (.truth, "1", nil),
            (.null, "null", nil), (.either([.dateTime, .number(0...9)]), "7", .whole(7)),
            (
                .either([.dateTime, .number(0...9)]), "2026-11-21T02:00:00Z",
                "2026-11-21T02:00:00Z"
            ),
            (.either([.dateTime, .number(0...9)]), "77", nil),
            (.named("N", .integer(0...9)), "7", .whole(7)),
        ] as [(Schema, String, JSONValue?)])
    func `a text in a query stands for a value of its schema`(
        schema: Schema, text: String, value: JSONValue?
    ) {
        #expect(schema.value(of: text) == value)
    }
}

@Suite struct SchemaDocumentTests {
    private func text(_ schema: Schema) -> String {
        var document = SchemaDocument()
        var octets: [UInt8] = []
        octets.appendJSON(document.document(schema))
        return String(decoding: octets, as: UTF8.self)
    }

    @Test(
        arguments: [
            (Schema.anything, "{}"), (.truth, #"{"type":"boolean"}"#),
            (.text(upTo: 3), #"{"type":"string","minLength":1,"maxLength":3}"#),
            (.word(["a", "b"]), #"{"type":"string","enum":["a","b"]}"#),
            (
                .dateTime,
                #"{"type":"string","minLength":20,"maxLength":64,"format":"date-time"}"#
            ),
            (.integer(-1...2), #"{"type":"integer","minimum":-1,"maximum":2}"#),
            (.number(0...2), #"{"type":"number","minimum":0,"maximum":2}"#),
            (Schema.truth.orNull(), #"{"anyOf":[{"type":"boolean"},{"type":"null"}]}"#),
            (
                .list(of: .truth, count: 1...2),
                #"{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":2}"#
            ),
            (.named("T", .truth), ##"{"$ref":"#/components/schemas/T"}"##),
            (
                .object(
                    ObjectSchema([
                        .init("a", .truth, "A.", isRequired: true),
                        .init("b", .truth, "B.", fallback: true),
                    ])),
                #"{"type":"object","properties":{"a":{"type":"boolean","description":"A."},"#
                    + #""b":{"type":"boolean","default":true,"description":"B."}},"#
                    + #""additionalProperties":false,"required":["a"]}"#
            ),
        ])
    func `a schema is JSON Schema`(schema: Schema, document: String) {
        #expect(text(schema) == document)
    }

    @Test func `forms are closed objects of which one fits`() {
        let schema = Schema.object(
            ObjectSchema(
                [.init("a", .truth, ""), .init("b", .truth, ""), .init("c", .truth, "")],
                forms: [.init(required: ["a"]), .init(required: ["b"], optional: ["a"])]))
        let one = { (names: [String], required: [String]) in
            let members = names.map { #""\#($0)":{"type":"boolean","description":""}"# }
            return #"{"type":"object","properties":{\#(members.joined(separator: ","))},"#
                + #""additionalProperties":false,"required":["\#(required[0])"]}"#
        }
        #expect(
            text(schema)
                == #"{"oneOf":[\#(one(["a", "c"], ["a"])),\#(one(["b", "a", "c"], ["b"]))]}"#)
    }

    @Test func `a schema with a name is written once`() {
        var document = SchemaDocument()
        let inner = Schema.named("Inner", .truth)
        let outer = Schema.named("Outer", .list(of: inner, count: 0...1))
        _ = document.document(.either([outer, inner, outer]))
        #expect(document.named.members.map(\.name) == ["Outer", "Inner"])
        #expect(document.named["Inner"] == ["type": "boolean"])
    }
}
