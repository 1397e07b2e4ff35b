use crate::{Format, Kinds, RedactError, Redactor};

fn redact(body: &[u8]) -> Result<String, RedactError> {
    let mut out = Vec::new();
    let mut redactor = Redactor::new(Kinds::all(), Format::Json);
    redactor.push(body, &mut out)?;
    redactor.finish(&mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[track_caller]
fn becomes(body: &str, expected: &str) {
    assert_eq!(redact(body.as_bytes()).as_deref(), Ok(expected));
}

#[track_caller]
fn stays(body: &str) {
    becomes(body, body);
}

#[test]
fn escapes_are_decoded_for_the_search_and_kept_elsewhere() {
    becomes(r#"["bob\u0040example.com"]"#, r#"["[email]"]"#);
    becomes(r#"["b\u006fb@example\u002ecom \u00e9"]"#, r#"["[email] \u00e9"]"#);
    becomes(r#"["\/\nbob@example.com\n"]"#, r#"["\/\n[email]\n"]"#);
    becomes(r#"["\ud83d\ude00bob@example.com\ud83d\ude00"]"#, r#"["\ud83d\ude00[email]\ud83d\ude00"]"#);
    becomes(r#"["\u0034111111111111111"]"#, r#"["[card]"]"#);
    becomes(r#"["\ud83dbob@example.com"]"#, r#"["\ud83d[email]"]"#);
    stays(r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]"#);
}

#[test]
fn names_are_searched_too() {
    becomes(r#"{"bob@example.com":{"10.1.2.3":1}}"#, r#"{"[email]":{"[ip]":1}}"#);
}

#[test]
fn documents_in_strings_are_searched_and_stay_valid() {
    becomes(
        r#"{"m":"{\"u\":\"bob@example.com\",\"n\":\"x\\nal@example.com\"}"}"#,
        r#"{"m":"{\"u\":\"[email]\",\"n\":\"x\\n[email]\"}"}"#,
    );
    becomes(r#"{"m":"{\"u\":\"bob\\u0040example.com\"}"}"#, r#"{"m":"{\"u\":\"[email]\"}"}"#);
}

#[test]
fn sample_values_stay() {
    stays(r#"{"data":{"result":[{"metric":{},"value":[1700000000.1,"4111111111111111"]}]}}"#);
    stays(r#"{"data":{"result":[{"metric":{},"values":[[1,"4111111111111111"],[2,"5555555555554444"]]}]}}"#);
    stays(r#"{"data":{"resultType":"scalar","result":[1700000000.1,"4111111111111111"]}}"#);
    stays(
        r#"{"histogram":[1,{"count":"4111111111111111","sum":"-1","buckets":[[0,"1","2","4111111111111111"]]}]}"#,
    );
    stays(r#"{"histograms":[[1,{"count":"4111111111111111"}]]}"#);
    stays(r#"{"value":[1,"NaN"],"values":[[1,"+Inf"]]}"#);
}

#[test]
fn what_only_looks_like_a_sample_is_searched() {
    becomes(
        r#"{"status":"success","data":["bob@example.com"]}"#,
        r#"{"status":"success","data":["[email]"]}"#,
    );
    becomes(r#"{"value":[1,"bob@example.com"]}"#, r#"{"value":[1,"[email]"]}"#);
    becomes(r#"{"value":[1,"+12125550123"]}"#, r#"{"value":[1,"[phone]"]}"#);
    becomes(r#"{"value":["a","4111111111111111"]}"#, r#"{"value":["a","[card]"]}"#);
    becomes(r#"{"value":[1,2,"4111111111111111"]}"#, r#"{"value":[1,2,"[card]"]}"#);
    becomes(r#"{"value":"4111111111111111"}"#, r#"{"value":"[card]"}"#);
    becomes(r#"{"values":["x","4111111111111111"]}"#, r#"{"values":["x","[card]"]}"#);
    becomes(r#"{"values":[1,"4111111111111111"]}"#, r#"{"values":[1,"[card]"]}"#);
    becomes(r#"{"data":[1,"4111111111111111"]}"#, r#"{"data":[1,"[card]"]}"#);
    becomes(
        r#"{"histograms":[[1,{"bob@example.com":"4111111111111111"}]]}"#,
        r#"{"histograms":[[1,{"[email]":"4111111111111111"}]]}"#,
    );
    becomes(r#"{"value":1,"x":[1,"4111111111111111"]}"#, r#"{"value":1,"x":[1,"[card]"]}"#);
}

#[test]
fn an_integer_that_is_a_card_becomes_a_string() {
    becomes(r#"{"card":4111111111111111,"b":[4111111111111111]}"#, r#"{"card":"[card]","b":["[card]"]}"#);
    becomes("4111111111111111", r#""[card]""#);
    stays(
        r#"[4111111111111112,-4111111111111111,4111111111111111.0,4.1e15,1700000000000,1700000000123456789]"#,
    );
}

#[test]
fn documents_may_follow_one_another() {
    for body in ["", " \n", "{}", "{}\n{}\n", "{}{}[]\"a\"\"b\"", "1 2\ntrue null", "1\n", "\"a\"1 "] {
        stays(body);
    }
}

#[test]
fn unusual_but_valid_documents_stay_as_they_are() {
    for body in
        ["[]", "[ ]", "{ }", "[-0.0e-0,1E+5,0]", "{\"a\":{},\"a\":[]}", "\"\u{7f}\u{2028}é\"", " [ 1 , 2 ] "]
    {
        stays(body);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let bodies: [&[u8]; 39] = [
        b"{",
        b"[",
        b"\"",
        b"{\"a\"",
        b"{\"a\":",
        b"{\"a\":1",
        b"[1,",
        b"[1,]",
        b"{\"a\":1,}",
        b"[,1]",
        b"{,}",
        b"{1:2}",
        b"[1 2]",
        b"{\"a\" 1}",
        b"]",
        b"}",
        b"[}",
        b"{]",
        b"tru",
        b"truex",
        b"nulll",
        b"True",
        b"01",
        b"-",
        b"1.",
        b".5",
        b"+1",
        b"1e",
        b"0x1",
        b"'a'",
        b"\"\\x\"",
        b"\"\\u12g4\"",
        b"\"\n\"",
        b"\"\\",
        b"\"\xff\"",
        b"\"\xc3",
        b"\xef\xbb\xbf{}",
        b"{} x",
        b"1true",
    ];
    for body in bodies {
        let result = redact(body);
        assert!(result.is_err(), "{} => {result:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn utf8_is_checked_where_a_string_is_cut() {
    let mut redactor = Redactor::new(Kinds::all(), Format::Json);
    let mut out = Vec::new();
    redactor.push(b"\"a\xe2\x82", &mut out).unwrap();
    redactor.push(b"\xac\"", &mut out).unwrap();
    redactor.finish(&mut out).unwrap();
    assert_eq!(out, "\"a€\"".as_bytes());

    let mut redactor = Redactor::new(Kinds::all(), Format::Json);
    redactor.push(b"\"a\xe2\x82", &mut out).unwrap();
    assert_eq!(redactor.push(b"\"", &mut out), Err(RedactError::NotUtf8 { offset: 2 }));
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    stays(&nested(256));
    assert_eq!(redact(nested(257).as_bytes()), Err(RedactError::TooDeep { offset: 256, limit: 256 }));
}

#[test]
fn numbers_have_a_limit() {
    stays(&"1".repeat(1024));
    let error = RedactError::NumberTooLong { offset: 1, limit: 1024 };
    assert_eq!(redact(format!("[{}]", "1".repeat(1025)).as_bytes()), Err(error));
}

#[test]
fn a_body_that_ends_early_is_refused() {
    assert_eq!(redact(b"{\"a\":[1"), Err(RedactError::Truncated { offset: 7 }));
}

#[test]
fn errors_tell_where_and_what_was_expected_and_no_content() {
    let error = redact(b"{\"a\":bob}").unwrap_err();
    assert_eq!(error.to_string(), "the body is not valid JSON: a value was expected at byte 5");
}
