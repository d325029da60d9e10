// Package harness answers questions about the submission that it is linked with: functions are called with plain
// arguments, and what they give comes back as plain values. It knows no expected value and decides nothing.
package harness

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

const (
	questions    = 3
	answers      = 4
	printed      = 1
	solution     = "solution.go"
	processors   = 2
	deepestStack = 64 << 20
	deepest      = 60
	mostItems    = 200_000
	said         = 'S'
)

type question struct {
	Function  string            `json:"function"`
	Arguments []json.RawMessage `json:"arguments"`
}

type reply struct {
	Status string          `json:"status"`
	Value  json.RawMessage `json:"value,omitempty"`
	Error  string          `json:"error,omitempty"`
	Line   int             `json:"line,omitempty"`
	Output string          `json:"output"`
}

var offered = map[string]reflect.Value{}

// Offer names a function that may be asked for.
func Offer(name string, function interface{}) {
	offered[name] = reflect.ValueOf(function)
}

// Serve answers one question after the other; it does not return. Of what is printed it takes so many bytes.
func Serve(mostPrinted int) {
	debug.SetMaxStack(deepestStack)
	runtime.GOMAXPROCS(processors)
	for {
		var asked question
		if json.Unmarshal(read(), &asked) != nil {
			os.Exit(1)
		}
		answered := answer(asked)
		answered.Output = takePrinted(mostPrinted)
		write(answered)
	}
}

func answer(asked question) (answered reply) {
	function, known := offered[asked.Function]
	if !known || function.Kind() != reflect.Func {
		return reply{Status: "missing"}
	}
	arguments, problem := converted(function.Type(), asked.Arguments)
	if problem != nil {
		return reply{Status: "raised", Error: "arguments: " + problem.Error()}
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			answered = reply{Status: "raised", Error: "panic: " + fmt.Sprint(panicked), Line: lineOfPanic()}
		}
	}()
	return told(function.Type(), function.Call(arguments))
}

// converted makes the arguments what the function takes.
func converted(kind reflect.Type, given []json.RawMessage) ([]reflect.Value, error) {
	fixed := kind.NumIn()
	if kind.IsVariadic() {
		fixed--
	}
	if len(given) < fixed || (len(given) > fixed && !kind.IsVariadic()) {
		return nil, fmt.Errorf("the function takes %d, and was given %d", kind.NumIn(), len(given))
	}
	made := make([]reflect.Value, len(given))
	for place, raw := range given {
		wanted := kind.In(min(place, kind.NumIn()-1))
		if place >= fixed {
			wanted = wanted.Elem()
		}
		value := reflect.New(wanted)
		if err := fill(value.Elem(), raw); err != nil {
			return nil, fmt.Errorf("number %d: %w", place+1, err)
		}
		made[place] = value.Elem()
	}
	return made, nil
}

// fill decodes one argument; a character may be given as a text of one.
func fill(value reflect.Value, raw json.RawMessage) error {
	var text string
	if kind := value.Kind(); kind == reflect.Int32 || kind == reflect.Uint8 {
		if json.Unmarshal(raw, &text) == nil && utf8.RuneCountInString(text) == 1 {
			letter, _ := utf8.DecodeRuneInString(text)
			if kind == reflect.Uint8 && letter <= math.MaxUint8 {
				value.SetUint(uint64(letter))
				return nil
			}
			if kind == reflect.Int32 {
				value.SetInt(int64(letter))
				return nil
			}
		}
	}
	return json.Unmarshal(raw, value.Addr().Interface())
}

// told is what came of a call: an error in the last place is told as one, several other values as a list.
func told(kind reflect.Type, results []reflect.Value) reply {
	last := len(results) - 1
	if last >= 0 && kind.Out(last) == reflect.TypeFor[error]() {
		if !results[last].IsNil() {
			problem := results[last].Interface().(error)
			return reply{Status: "raised", Error: nameOf(problem) + ": " + problem.Error()}
		}
		results = results[:last]
	}
	out := writer{left: mostItems}
	var err error
	switch len(results) {
	case 0:
		out.text = append(out.text, "null"...)
	case 1:
		err = out.add(results[0], deepest)
	default:
		err = out.list(len(results), func(place int) reflect.Value { return results[place] }, deepest)
	}
	if err != nil {
		return reply{Status: "not_plain", Error: err.Error()}
	}
	return reply{Status: "returned", Value: out.text}
}

func nameOf(problem error) string {
	kind := reflect.TypeOf(problem)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.PkgPath() == "main" && kind.Name() != "" {
		return kind.Name()
	}
	return "error"
}

// writer writes plain values by what they are, without asking a method of theirs.
type writer struct {
	text []byte
	left int
}

var errTooLarge = errors.New("too deep or too large")

func (out *writer) add(value reflect.Value, depth int) error {
	out.left--
	if depth < 0 || out.left < 0 {
		return errTooLarge
	}
	if !value.IsValid() {
		out.text = append(out.text, "null"...)
		return nil
	}
	switch value.Kind() {
	case reflect.Bool:
		out.text = strconv.AppendBool(out.text, value.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		out.text = strconv.AppendInt(out.text, value.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		out.text = strconv.AppendUint(out.text, value.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return out.float(value.Float(), value.Type().Bits())
	case reflect.String:
		return out.string(value.String())
	case reflect.Slice, reflect.Array:
		return out.list(value.Len(), value.Index, depth)
	case reflect.Map:
		return out.dict(value, depth)
	case reflect.Struct:
		return out.fields(value, depth)
	case reflect.Pointer, reflect.Interface:
		return out.add(value.Elem(), depth-1)
	default:
		return fmt.Errorf("a value of type %s is not plain", value.Type())
	}
	return nil
}

func (out *writer) float(number float64, bits int) error {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return fmt.Errorf("%v is not a number that can be compared", number)
	}
	text := strconv.FormatFloat(number, 'g', -1, bits)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	out.text = append(out.text, text...)
	return nil
}

func (out *writer) string(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("text that is no UTF-8")
	}
	quoted, err := json.Marshal(text)
	out.text = append(out.text, quoted...)
	return err
}

func (out *writer) list(length int, item func(int) reflect.Value, depth int) error {
	out.text = append(out.text, '[')
	for place := range length {
		if place > 0 {
			out.text = append(out.text, ',')
		}
		if err := out.add(item(place), depth-1); err != nil {
			return err
		}
	}
	out.text = append(out.text, ']')
	return nil
}

func (out *writer) dict(value reflect.Value, depth int) error {
	if value.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("a map with keys of type %s is not plain", value.Type().Key())
	}
	out.text = append(out.text, '{')
	first := true
	for pairs := value.MapRange(); pairs.Next(); first = false {
		if err := out.pair(first, pairs.Key().String(), pairs.Value(), depth); err != nil {
			return err
		}
	}
	out.text = append(out.text, '}')
	return nil
}

// fields writes a struct as a map of its exported fields, by the names in their json tags where they have some.
func (out *writer) fields(value reflect.Value, depth int) error {
	kind := value.Type()
	out.text = append(out.text, '{')
	first := true
	for place := range kind.NumField() {
		field := kind.Field(place)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		if err := out.pair(first, name, value.Field(place), depth); err != nil {
			return err
		}
		first = false
	}
	out.text = append(out.text, '}')
	if first && kind.NumField() > 0 {
		return fmt.Errorf("a %s has no field that can be seen", kind)
	}
	return nil
}

func (out *writer) pair(first bool, name string, value reflect.Value, depth int) error {
	if !first {
		out.text = append(out.text, ',')
	}
	if err := out.string(name); err != nil {
		return err
	}
	out.text = append(out.text, ':')
	return out.add(value, depth-1)
}

// lineOfPanic is the line of the submission that the panic came from, of those that called each other the last.
func lineOfPanic() int {
	callers := make([]uintptr, 100)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for {
		frame, more := frames.Next()
		if path.Base(frame.File) == solution {
			return frame.Line
		}
		if !more {
			return 0
		}
	}
}

// takePrinted is what was printed since it was last taken.
func takePrinted(most int) string {
	text := make([]byte, most)
	length, err := syscall.Pread(printed, text, 0)
	if err != nil || syscall.Ftruncate(printed, 0) != nil {
		return ""
	}
	return strings.ToValidUTF8(string(text[:length]), "\ufffd")
}

// read is the next message. It does not wait as a goroutine does, so that Go finds out when all of them sleep.
func read() []byte {
	head := readAll(5)
	return readAll(int(binary.BigEndian.Uint32(head[1:])))
}

func readAll(length int) []byte {
	text := make([]byte, length)
	for done := 0; done < length; {
		count, err := syscall.Read(questions, text[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || count == 0 {
			os.Exit(0)
		}
		done += count
	}
	return text
}

func write(answered reply) {
	text, err := json.Marshal(answered)
	if err != nil {
		os.Exit(1)
	}
	message := binary.BigEndian.AppendUint32([]byte{said}, uint32(len(text)))
	message = append(message, text...)
	for len(message) > 0 {
		count, err := syscall.Write(answers, message)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			os.Exit(1)
		}
		message = message[count:]
	}
}
